//! The parts of the deliver path, each alone: where its CPU time goes.

use carillon_contacts::unsubscribe::UnsubscribeLink;
use carillon_contracts::EntryRef;
use carillon_feedback::tags::tags;
use carillon_kernel::Signer;
use carillon_sending::state::Turn;
use carillon_sending::{Definition, Outcome, Plan, Settled};
use carillon_ses::{BulkEmail, BulkEntry, Ses};
use carillon_templates::{CompiledEmail, Context, EmailRenderer, template_data};
use futures::future::try_join_all;

use crate::Failure;
use crate::deliver::{Bench, PLANS_OF_INVOCATION, RECIPIENTS_OF_PLAN, ROUNDS, Step};
use crate::measure::{Measured, rounds};

/// What a mail needs besides the recipient.
struct Maker {
    of: carillon_sending::keys::RunKey,
    definition: Definition,
    renderer: EmailRenderer,
    signer: Signer,
    public_url: String,
}

/// Measures each step over so many plans a round; the steps that write take plans of their own.
pub fn measure(bench: &mut Bench, plans: u32) -> Result<Vec<Step>, Failure> {
    let first: Vec<u32> = (0..plans).collect();
    let loaded = bench.runtime.block_on(try_join_all(first.iter().map(|plan| bench.ledger.load(bench.of, *plan))))?;
    let loaded: Vec<Plan> = loaded.into_iter().map(|loaded| loaded.plan).collect();
    let maker = maker(bench)?;
    Ok(vec![
        step("read run, plan and state: 1 BatchGetItem of 3", read(bench, &first)?),
        step("claim, and store the results: 2 PutItem", write(bench, plans)?),
        step("render, sign, tag: no I/O", render(&maker, &loaded)?),
        step("call: 1 SendBulkEmail of 50", call(bench, &maker, &loaded)?),
    ])
}

fn step(name: &str, measured: Measured) -> Step {
    Step { name: name.to_owned(), measured }
}

fn recipients(plans: usize) -> u32 {
    u32::try_from(plans).unwrap_or(u32::MAX) * RECIPIENTS_OF_PLAN
}

fn at_once<T>(all: &[T]) -> std::slice::Chunks<'_, T> {
    all.chunks(usize::try_from(PLANS_OF_INVOCATION).unwrap_or(1))
}

fn read(bench: &Bench, plans: &[u32]) -> Result<Measured, Failure> {
    rounds(recipients(plans.len()), ROUNDS, |_| {
        bench.runtime.block_on(async {
            for some in at_once(plans) {
                try_join_all(some.iter().map(|plan| bench.ledger.load(bench.of, *plan))).await?;
            }
            Ok(())
        })
    })
}

fn write(bench: &mut Bench, plans: u32) -> Result<Measured, Failure> {
    let ranges: Vec<Vec<u32>> = (0..ROUNDS).map(|_| bench.take(plans).collect()).collect();
    let now = bench.setup.clock().now();
    let taken = |index| Settled { index, outcome: Outcome::Accepted, reason: None, provider_id: Some(format!("{index:060}")) };
    let results: Vec<Settled> = (0..usize::try_from(RECIPIENTS_OF_PLAN)?).map(taken).collect();
    let write = |plan: u32| {
        let results = &results;
        let bench = &*bench;
        async move {
            let untouched = carillon_sending::State::untouched(plan, results.len());
            let Turn::Claim(state) = untouched.turn("1234567890abcdef".to_owned(), 0, now) else { return Err("no turn".into()) };
            let claim = bench.ledger.claim(bench.of, state, now).await?;
            bench.ledger.settle(bench.of, claim, results, now).await?;
            Ok::<(), Failure>(())
        }
    };
    rounds(plans * RECIPIENTS_OF_PLAN, ROUNDS, |round| {
        bench.runtime.block_on(async {
            for some in at_once(ranges.get(usize::try_from(round)?).map_or(&[], Vec::as_slice)) {
                try_join_all(some.iter().map(|plan| write(*plan))).await?;
            }
            Ok(())
        })
    })
}

fn render(maker: &Maker, plans: &[Plan]) -> Result<Measured, Failure> {
    rounds(recipients(plans.len()), ROUNDS, |_| {
        for plan in plans {
            std::hint::black_box(maker.entries(plan)?);
        }
        Ok(())
    })
}

fn call(bench: &Bench, maker: &Maker, plans: &[Plan]) -> Result<Measured, Failure> {
    let ses = Ses::from_setup(&bench.setup)?;
    let mut calls: Vec<Vec<BulkEmail>> = Vec::new();
    for _ in 0..ROUNDS {
        calls.push(plans.iter().map(|plan| maker.mail(plan)).collect::<Result<_, _>>()?);
    }
    rounds(recipients(plans.len()), ROUNDS, |_| {
        let mut mails = calls.pop().unwrap_or_default();
        bench.runtime.block_on(async {
            while !mails.is_empty() {
                let some = mails.split_off(mails.len().saturating_sub(usize::try_from(PLANS_OF_INVOCATION)?));
                try_join_all(some.into_iter().map(|mail| ses.send_bulk(mail))).await.map_err(|failure| format!("{failure:?}"))?;
            }
            Ok(())
        })
    })
}

fn maker(bench: &Bench) -> Result<Maker, Failure> {
    let definition = bench.runtime.block_on(bench.ledger.definition(bench.of))?;
    let compiled: CompiledEmail = serde_json::from_str(&definition.content)?;
    Ok(Maker {
        of: bench.of,
        definition,
        renderer: EmailRenderer::new(compiled)?,
        signer: Signer::new(&bench.setup.secret("LINK_KEY")?),
        public_url: bench.setup.text("PUBLIC_URL")?,
    })
}

impl Maker {
    /// Makes the entries of a plan, as the deliver function does.
    fn entries(&self, plan: &Plan) -> Result<Vec<BulkEntry>, Failure> {
        let mut entries = Vec::with_capacity(plan.recipients.len());
        for (index, recipient) in plan.recipients.iter().enumerate() {
            let contact = recipient.contact.ok_or("a recipient who is no contact")?;
            let channel = self.definition.channel;
            let link = UnsubscribeLink { organization: self.of.organization, contact, channel, entry: None };
            let url = link.url(&self.public_url, &self.signer);
            let headers = vec![
                ("List-Unsubscribe".to_owned(), format!("<{url}>")),
                ("List-Unsubscribe-Post".to_owned(), "List-Unsubscribe=One-Click".to_owned()),
            ];
            let context = Context::of_values(&self.definition.variables, &recipient.values)
                .with_organization(self.definition.organization_name.clone())
                .with_unsubscribe_url(url);
            let data = template_data(&self.renderer.render_slots(&context)?);
            let entry = EntryRef { run: self.of.run, plan: plan.number, index: u8::try_from(index)?, attempt: 0 };
            entries.push(BulkEntry { to: recipient.address.clone(), data, headers, tags: tags(self.of.organization, &entry) });
        }
        Ok(entries)
    }

    fn mail(&self, plan: &Plan) -> Result<BulkEmail, Failure> {
        let template = self.renderer.compiled().ses_template();
        Ok(BulkEmail {
            from: self.definition.from.clone(),
            reply_to: self.definition.reply_to.clone(),
            configuration_set: None,
            subject: template.subject,
            html: Some(template.html),
            text: Some(template.text),
            default_data: template.data.to_owned(),
            headers: Vec::new(),
            tags: Vec::new(),
            entries: self.entries(plan)?,
        })
    }
}

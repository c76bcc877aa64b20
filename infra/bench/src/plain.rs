//! The comparison: one `SendEmail` for each recipient, with the plain SDK, to the same stand-in.

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use carillon_harness::Setup;
use carillon_sending::Recipient;
use carillon_templates::{CompiledEmail, Context, EmailRenderer, RenderedEmail};
use futures::future::try_join_all;

use crate::Failure;
use crate::deliver::{Bench, PLANS_OF_INVOCATION, ROUNDS};
use crate::measure::{Measured, rounds};

struct Caller {
    client: Client,
    from: String,
    configuration_set: Option<String>,
    mail: RenderedEmail,
    recipients: Vec<Recipient>,
}

/// Measures rounds of so many calls, ten under way at once.
pub fn measure(bench: &Bench, recipients: u32) -> Result<Measured, Failure> {
    let caller = bench.runtime.block_on(caller(bench))?;
    let send = |calls: u32| {
        bench.runtime.block_on(async {
            for first in (0..calls).step_by(usize::try_from(PLANS_OF_INVOCATION)?) {
                try_join_all((first..first + PLANS_OF_INVOCATION).map(|number| caller.send(number))).await?;
            }
            Ok::<(), Failure>(())
        })
    };
    send(500)?;
    rounds(recipients, ROUNDS, |_| send(recipients))
}

async fn caller(bench: &Bench) -> Result<Caller, Failure> {
    let definition = bench.ledger.definition(bench.of).await?;
    let plan = bench.ledger.plan(bench.of, 0).await?.ok_or("there is no plan")?;
    let compiled: CompiledEmail = serde_json::from_str(&definition.content)?;
    let values = plan.recipients.first().map(|recipient| recipient.values.clone()).unwrap_or_default();
    let context = Context::of_values(&definition.variables, &values)
        .with_organization(definition.organization_name.clone())
        .with_unsubscribe_url("https://example.com/u/AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEy");
    Ok(Caller {
        client: client(&bench.setup)?,
        from: definition.from.clone(),
        configuration_set: bench.setup.find("SES_CONFIGURATION_SET"),
        mail: EmailRenderer::new(compiled)?.render_full(&context)?,
        recipients: plan.recipients,
    })
}

fn client(setup: &Setup) -> Result<Client, Failure> {
    Ok(Client::new(&carillon_aws::config(setup, "SESV2")?))
}

impl Caller {
    async fn send(&self, number: u32) -> Result<(), Failure> {
        let recipient = self.recipients.get(usize::try_from(number)? % self.recipients.len().max(1)).ok_or("a plan without recipients")?;
        let part = |text: &str| Content::builder().data(text).charset("UTF-8").build();
        let body = Body::builder().html(part(&self.mail.html)?).text(part(&self.mail.text)?).build();
        let message = Message::builder().subject(part(&self.mail.subject)?).body(body).build();
        let request = self.client.send_email().from_email_address(&self.from).set_configuration_set_name(self.configuration_set.clone());
        let request = request.destination(Destination::builder().to_addresses(&recipient.address).build());
        request.content(EmailContent::builder().simple(message).build()).send().await?;
        Ok(())
    }
}

//! The ids of things, one type each.

use carillon_kernel::{Id, IdKind};

macro_rules! ids {
    ($($kind:ident $alias:ident $prefix:literal $doc:literal;)*) => {$(
        #[doc = concat!("Marks the id of ", $doc, ".")]
        #[derive(Debug)]
        pub struct $kind;
        impl IdKind for $kind {
            const PREFIX: &'static str = $prefix;
        }
        #[doc = concat!("Identifies ", $doc, " (`", $prefix, "_…`).")]
        pub type $alias = Id<$kind>;
    )*};
}

ids! {
    OrganizationKind OrganizationId "org" "an organization, the tenant";
    ApiKeyKind ApiKeyId "key" "an API key";
    ContactKind ContactId "con" "a contact";
    ListKind ListId "lst" "a list of contacts";
    ImportKind ImportId "imp" "an import of contacts";
    TemplateKind TemplateId "tpl" "a template";
    SenderKind SenderId "snd" "a sender: a verified address or number";
    CampaignKind CampaignId "cmp" "a campaign";
    MessageKind MessageId "msg" "a single, transactional message";
    RequestKind RequestId "req" "one request to the API";
}

//! HTTP routes: an `AWS::ApiGatewayV2::Route`, its integration, and the permission to call the function.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Cors, Function, Route};
use super::properties::{Known, Properties};
use super::{TemplateError, names};

/// The properties of an API.
pub(super) const KNOWN_API: Known = Known {
    read: &["ProtocolType", "Name", "CorsConfiguration"],
    ignored: &["Description", "DisableExecuteApiEndpoint", "IpAddressType", "RouteSelectionExpression", "Tags"],
};

/// The properties of a route.
pub(super) const KNOWN_ROUTE: Known = Known { read: &["ApiId", "RouteKey", "Target", "AuthorizationType"], ignored: &["OperationName"] };

/// The properties of an integration.
pub(super) const KNOWN_INTEGRATION: Known = Known {
    read: &["ApiId", "IntegrationType", "IntegrationUri", "PayloadFormatVersion"],
    ignored: &["Description", "IntegrationMethod", "TimeoutInMillis"],
};

/// The properties of a permission.
pub(super) const KNOWN_PERMISSION: Known =
    Known { read: &["FunctionName", "Action", "Principal"], ignored: &["SourceArn", "SourceAccount"] };

/// Reads what an API says of other origins. API Gateway refuses a star with credentials; so do we, and a star at all.
fn cors(configuration: &Properties) -> Result<Cors, TemplateError> {
    configuration.only(&["AllowOrigins", "AllowCredentials", "AllowMethods", "AllowHeaders", "ExposeHeaders", "MaxAge"])?;
    let origins = configuration.texts("AllowOrigins")?;
    if origins.iter().any(|origin| origin.contains('*')) {
        return Err(configuration.wrong("AllowOrigins", "must name each origin: a star lets every page of the web in"));
    }
    Ok(Cors {
        origins,
        credentials: configuration.flag("AllowCredentials", false)?,
        methods: configuration.texts("AllowMethods")?,
        headers: configuration.texts("AllowHeaders")?,
        exposed: configuration.texts("ExposeHeaders")?,
        max_age_seconds: configuration.number("MaxAge")?,
    })
}

/// The parts of routes, gathered over all stacks.
#[derive(Debug, Default)]
pub(super) struct RouteParts {
    routes: Vec<Properties>,
    /// By the integration's physical id.
    integrations: BTreeMap<String, Properties>,
    /// The functions that API Gateway may call, by name and alias.
    callable: BTreeSet<String>,
}

impl RouteParts {
    /// Checks that an API is one that is served here; gives what it says of other origins.
    pub(super) fn api(properties: &Properties) -> Result<Option<Cors>, TemplateError> {
        if properties.required_text("ProtocolType")? != "HTTP" {
            return Err(properties.wrong("ProtocolType", "must be HTTP, others are not served locally"));
        }
        properties.object("CorsConfiguration")?.map(|configuration| cors(&configuration)).transpose()
    }

    /// Keeps a route.
    pub(super) fn route(&mut self, properties: Properties) {
        self.routes.push(properties);
    }

    /// Keeps an integration.
    pub(super) fn integration(&mut self, id: String, properties: Properties) -> Result<(), TemplateError> {
        if properties.text("IntegrationType")?.as_deref() != Some("AWS_PROXY") {
            return Err(properties.wrong("IntegrationType", "must be AWS_PROXY"));
        }
        self.integrations.insert(id, properties);
        Ok(())
    }

    /// Keeps a permission.
    pub(super) fn permission(&mut self, properties: &Properties) -> Result<(), TemplateError> {
        if properties.required_text("Action")? != "lambda:InvokeFunction" {
            return Err(properties.wrong("Action", "must be lambda:InvokeFunction"));
        }
        if properties.required_text("Principal")? == "apigateway.amazonaws.com" {
            let function = properties.required_text("FunctionName")?;
            let name = names::function_of_arn(&function).map(ToOwned::to_owned);
            self.callable.insert(name.unwrap_or(function));
        }
        Ok(())
    }

    /// Joins the parts.
    pub(super) fn join(&self, functions: &[Function]) -> Result<Vec<Route>, TemplateError> {
        let routes = self.routes.iter();
        routes.map(|route| self.join_one(route, functions)).collect()
    }

    fn join_one(&self, route: &Properties, functions: &[Function]) -> Result<Route, TemplateError> {
        if route.text("AuthorizationType")?.is_some_and(|kind| kind != "NONE") {
            return Err(route.wrong("AuthorizationType", "must be NONE, functions authorise themselves"));
        }
        let route_key = route.required_text("RouteKey")?;
        let (method, path) = route_key
            .split_once(' ')
            .filter(|(_, path)| path.starts_with('/'))
            .ok_or_else(|| route.wrong("RouteKey", "must be a method and a path"))?;
        let target = route.required_text("Target")?;
        let integration = target
            .strip_prefix("integrations/")
            .and_then(|id| self.integrations.get(id))
            .ok_or_else(|| route.wrong("Target", format!("{target} is no integration")))?;
        if integration.text("ApiId")? != route.text("ApiId")? {
            return Err(route.wrong("ApiId", "differs from the integration's"));
        }
        let uri = integration.required_text("IntegrationUri")?;
        let function = names::function_of_arn(&uri)
            .and_then(|name| functions.iter().find(|function| function.callable_name() == name))
            .ok_or_else(|| integration.wrong("IntegrationUri", format!("{uri} is no function, or not the alias that it publishes")))?;
        if !self.callable.contains(&function.callable_name()) {
            return Err(
                integration.wrong("IntegrationUri", format!("API Gateway has no AWS::Lambda::Permission for {}", function.logical_id))
            );
        }
        let payload_version = integration.required_text("PayloadFormatVersion")?;
        if payload_version != "2.0" {
            return Err(integration.wrong("PayloadFormatVersion", "must be 2.0"));
        }
        Ok(Route { method: method.to_owned(), path: path.to_owned(), function: function.name.clone(), payload_version })
    }
}

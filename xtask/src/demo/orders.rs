//! Orders something in a shop, as a browser would.

use crate::{
    failure::{Failure, Result},
    http::{Client, Content},
};
use serde_json::{Value, json};
use std::{thread, time::Duration};

/// How often, and after which pause, a request to a shop that does not answer yet is retried.
const RETRIES: usize = 20;
const PAUSE: Duration = Duration::from_secs(1);

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A shop at its address.
pub(crate) struct Shop {
    /// Where its orders are.
    pub(crate) url: String,
    client: Client,
}

impl Shop {
    /// The shop at a URL.
    pub(crate) fn at(url: &str) -> Result<Self> {
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { client: Client::new(url.parse()?)?.within(TIMEOUT), url })
    }

    /// Orders an item.
    pub(crate) fn order(&self, item: &str) -> Result<String> {
        let mut attempt = 0;
        loop {
            let answer = self.client.post("/orders", Content::Json(json!({"item": item})));
            match answer.and_then(crate::http::Answer::success) {
                Ok(answer) => return Ok(answer.text().trim().to_owned()),
                Err(failure) if attempt == RETRIES => return Err(failure),
                Err(_) => thread::sleep(PAUSE),
            }
            attempt += 1;
        }
    }

    fn orders(&self) -> Result<Value> {
        self.client.get("/orders")?.json()
    }

    /// Fails unless it lists its own item and not the other shop's.
    pub(crate) fn sees_only(&self, own: &str, other: &str) -> Result<()> {
        let listed = self.orders()?.to_string();
        let has = |item: &str| listed.contains(&format!("\"{item}\""));
        if has(other) {
            return Err(Failure::new(format!("it also sees '{other}': {listed}")));
        }
        if has(own) { Ok(()) } else { Err(Failure::new(format!("'{own}' is not in: {listed}"))) }
    }

    /// Fails unless the second response comes from its cache.
    pub(crate) fn answers_from_cache(&self) -> Result<()> {
        self.orders()?;
        let second = self.orders()?;
        if second["cache"] == "hit" {
            Ok(())
        } else {
            Err(Failure::new(format!("no hit of its cache: {second}")))
        }
    }
}

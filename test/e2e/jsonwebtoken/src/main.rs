//! Verifies with jsonwebtoken, as it comes, what each line of standard input holds: a JSON object with a "token", the
//! "jwks" that the caller holds now, "issuer" and "audience". The answer is {"result": sub} or {"error": "..."}.

use std::error::Error;
use std::io::{BufRead, stdin};

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

fn main() {
    for line in stdin().lock().lines() {
        let line = line.expect("a line of UTF-8");
        let answer = match verify(&line) {
            Ok(subject) => json!({ "result": subject }),
            Err(error) => json!({ "error": error.to_string() }),
        };
        println!("{answer}");
    }
}

fn verify(line: &str) -> Result<Value, Box<dyn Error>> {
    let ask: Value = serde_json::from_str(line)?;
    let text = |name: &str| ask[name].as_str().unwrap_or_default().to_owned();
    let keys: JwkSet = serde_json::from_value(ask["jwks"].clone())?;
    let header = decode_header(text("token"))?;
    let kid = header.kid.ok_or("no kid")?;
    let key = keys.find(&kid).ok_or("unknown key")?;
    // One algorithm, the key's own: never the one that the token names.
    let algorithm = key.common.key_algorithm.ok_or("no alg")?.to_string().parse()?;
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&[text("issuer")]);
    validation.set_audience(&[text("audience")]);
    let claims = decode::<Value>(text("token"), &DecodingKey::from_jwk(key)?, &validation)?.claims;
    Ok(claims["sub"].clone())
}

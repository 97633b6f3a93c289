// Enqueues five tasks under the identity given as the argument: enqueue ID
use aws_config::BehaviorVersion;
use aws_smithy_http_client::{Builder, tls};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_bytes::Bytes;
use serde_json::json;

#[derive(Serialize)]
struct Message<'a, T> {
    f: &'a str,  // the handler
    id: &'a str, // where the results will be: R#~<id>
    t: T,        // an argument per task; a tuple is an array whose elements differ in type
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let id = std::env::args().nth(1).ok_or("usage: enqueue ID")?;
    let tasks = (
        "żółw, 日本, 𝄞",
        [0.1, -2.5, 1e300],
        (9007199254740993u64, i64::MIN, u64::MAX),
        json!({"option": {"type": "put", "strikes": [95, 100.5], "note": null, "american": true}}),
        Bytes::new(b"\x00\x01\xfe\xff"), // serde writes a plain slice as an array of integers
    );
    let message = Message { f: "exec", id: &id, t: tasks };
    // "named": a struct is a map, not an array.
    let body = STANDARD.encode(rmp_serde::to_vec_named(&message)?);

    let ring = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let http = Builder::new().tls_provider(ring).build_https();
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await;
    let sqs = aws_sdk_sqs::Client::new(&config);
    let queue = std::env::var("STARBURST_QUEUE_URL")?;
    sqs.send_message().queue_url(queue).message_body(body).send().await?;
    println!("{id}");
    Ok(())
}

// openai-node: a stream that breaks off.  Prints each event as it comes, and what was caught.

import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "any", maxRetries: 0 });
const messages = [{ role: "user", content: "hello" }];
try {
  for await (const chunk of await client.chat.completions.create({ model: "gpt-4o", messages, stream: true })) {
    console.log("event", chunk.choices[0].delta.content);
  }
  console.log("end");
} catch (error) {
  console.log("caught", error.constructor.name, error.code, error.message);
}

// An app that knows only api.openai.com.  Embeds as many texts as it is told; prints as JSON what it got.

import OpenAI from "openai";

const [count, size, form] = process.argv.slice(2);
const client = new OpenAI({ apiKey: "sk-hardcoded-in-the-app" });
const answer = await client.embeddings.create({
  model: "text-embedding-v4",
  input: Array.from({ length: Number(count) }, (_, n) => `input number ${n}`),
  dimensions: Number(size),
  ...(form ? { encoding_format: form } : {}),
});

console.log(
  JSON.stringify({
    address: client.baseURL,
    model: answer.model,
    usage: answer.usage,
    indexes: answer.data.map((item) => item.index),
    vectors: answer.data.map((item) => Array.from(item.embedding)),
  }),
);

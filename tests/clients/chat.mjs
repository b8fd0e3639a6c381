// An app that knows only api.openai.com.  Prints what it got as JSON: whole, streamed, a call, a retry, an error.

import OpenAI from "openai";

const model = "gpt-4o";
const tool = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const said = (content) => [{ role: "user", content }];

const client = new OpenAI({ apiKey: "sk-hardcoded-in-the-app" });
const { completions } = client.chat;

const whole = await completions.create({ model, messages: said("Hello") });
let streamed = "";
for await (const chunk of await completions.create({ model, messages: said("Hello"), stream: true })) {
  streamed += chunk.choices[0].delta.content ?? "";
}
const helper = completions.stream({ model, messages: said("What is the weather in Riga?"), tools: [tool] });
const call = (await helper.finalChatCompletion()).choices[0].message.tool_calls[0].function;
const retried = await completions.create({ model, messages: said("Hello again [sim: error internal_error once]") });
let error = [];
try {
  await completions.create({ model, messages: said("[sim: error data_inspection_failed]") });
} catch (failure) {
  error = [failure.constructor.name, failure.status, failure.code];
}

console.log(
  JSON.stringify({
    client: process.version,
    address: client.baseURL,
    whole: whole.choices[0].message.content,
    streamed,
    call: [call.name, call.arguments],
    retried: retried.choices[0].finish_reason,
    error,
  }),
);

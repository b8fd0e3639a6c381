// openai-node: whole, streamed, and with a tool whose answer goes back.  Prints as JSON what it got.

import OpenAI from "openai";
import { VERSION } from "openai/version";

const model = "gpt-4o";
const tool = {
  type: "function",
  function: {
    name: "get_weather",
    description: "The weather in a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};
const getWeather = ({ city }) => `12 degrees in ${city}`;
const said = (content) => [{ role: "user", content }];

const { completions } = new OpenAI({ baseURL: "https://api.openai.com/v1" }).chat;

const plain = (await completions.create({ model, messages: said("Hello") })).choices[0].message.content;
let streamed = "";
for await (const chunk of await completions.create({ model, messages: said("Hello"), stream: true })) {
  streamed += chunk.choices[0].delta.content ?? "";
}
const messages = said("What is the weather in Riga?");
const { message } = (await completions.create({ model, messages, tools: [tool] })).choices[0];
const [call] = message.tool_calls;
const result = { role: "tool", tool_call_id: call.id, content: getWeather(JSON.parse(call.function.arguments)) };
const answer = await completions.create({ model, messages: [...messages, message, result], tools: [tool] });

console.log(
  JSON.stringify({
    version: `${VERSION}, Node ${process.versions.node}`,
    plain,
    streamed,
    tools: answer.choices[0].message.content,
  }),
);

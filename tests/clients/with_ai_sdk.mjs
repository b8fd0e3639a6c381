// The Vercel AI SDK, whose OpenAI models speak Responses: whole, streamed, and with a tool that it calls itself.
// Prints as JSON what it got.

import { openai, VERSION } from "@ai-sdk/openai";
import { generateText, isStepCount, jsonSchema, streamText, tool } from "ai";

const model = openai("gpt-4o");
const tools = {
  get_weather: tool({
    description: "The weather in a city",
    inputSchema: jsonSchema({ type: "object", properties: { city: { type: "string" } }, required: ["city"] }),
    execute: async ({ city }) => `12 degrees in ${city}`,
  }),
};

const plain = (await generateText({ model, prompt: "Hello" })).text;
let streamed = "";
for await (const piece of streamText({ model, prompt: "Hello" }).textStream) {
  streamed += piece;
}
const prompt = "What is the weather in Riga?";
const answer = await generateText({ model, prompt, tools, stopWhen: isStepCount(3) });

console.log(JSON.stringify({ version: `${VERSION}, Node ${process.versions.node}`, plain, streamed, tools: answer.text }));

// The Vercel AI SDK with its OpenAI provider, by chat and by responses.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createOpenAI } from '@ai-sdk/openai';
import { APICallError, Output, embed, generateText, isStepCount, streamText, tool } from 'ai';
import { z } from 'zod';

import { API_KEY, BASE_URL, MODEL, cancelled, untilCancelled } from './surroundings.mjs';

const openai = createOpenAI({ baseURL: BASE_URL, apiKey: API_KEY });
const ways = { chat: openai.chat(MODEL), responses: openai.responses(MODEL) };
const weather = tool({
  description: 'Tells the weather of a city',
  inputSchema: z.object({ city: z.string() }),
  execute: async ({ city }) => `21 degrees in ${city}`,
});

for (const [way, model] of Object.entries(ways)) {
  test(`${way}: text comes whole`, async () => {
    const { text, usage, finishReason } = await generateText({ model, prompt: '!say Grüße 🙂', maxRetries: 0 });
    assert.equal(text, 'Grüße 🙂');
    assert.equal(finishReason, 'stop');
    assert.ok(usage.totalTokens > 0);
  });

  test(`${way}: text comes piece by piece`, async () => {
    const prompt = '!chunks 6 pace=100\n!say one two three four five six';
    const { textStream } = streamText({ model, prompt, maxRetries: 0 });
    const times = [];
    let text = '';
    for await (const piece of textStream) {
      times.push(performance.now());
      text += piece;
    }
    assert.equal(text, 'one two three four five six');
    assert.ok(times.at(-1) - times[0] > 250, `all within ${times.at(-1) - times[0]} ms`);
  });

  test(`${way}: a tool runs and its result is used`, async () => {
    const { text, steps } = await generateText({
      model,
      prompt: '!tool weather {"city": "Zürich"}',
      tools: { weather },
      stopWhen: isStepCount(3),
      maxRetries: 0,
    });
    assert.equal(steps.length, 2);
    assert.deepEqual(steps[0].toolCalls[0].input, { city: 'Zürich' });
    assert.match(text, /21 degrees in Zürich/);
  });

  test(`${way}: a streamed tool call has its input`, async () => {
    const result = streamText({ model, prompt: '!tool weather {"city": "Bern"}', tools: { weather }, maxRetries: 0 });
    const calls = await result.toolCalls;
    assert.deepEqual(calls[0].input, { city: 'Bern' });
  });

  test(`${way}: an answer has the shape that was asked for`, async () => {
    const shape = z.object({ city: z.string(), degrees: z.number() });
    const { output } = await generateText({
      model,
      output: Output.object({ schema: shape }),
      prompt: 'How warm is it?',
      maxRetries: 0,
    });
    assert.ok(shape.safeParse(output).success);
  });

  test(`${way}: an abort in the middle reaches the upstream`, async () => {
    const before = await cancelled();
    const leaving = new AbortController();
    const prompt = '!chunks 200 pace=100\n!long 200';
    const { textStream } = streamText({ model, prompt, abortSignal: leaving.signal, maxRetries: 0 });
    let seen = 0;
    for await (const _ of textStream) if (++seen === 3) leaving.abort();
    assert.ok(seen >= 3 && seen < 20);
    assert.ok((await untilCancelled(before)) < 1500);
  });

  test(`${way}: an error keeps its status, headers and body`, async () => {
    const error = await generateText({ model, prompt: '!error 429 retry-after=2', maxRetries: 0 }).catch((e) => e);
    assert.ok(APICallError.isInstance(error));
    assert.equal(error.statusCode, 429);
    assert.equal(error.responseHeaders['retry-after'], '2');
    assert.equal(error.data.error.code, 'rate_limit_exceeded');
    assert.ok(error.isRetryable);
  });
}

test('an embedding is a list of numbers', async () => {
  const { embedding } = await embed({ model: openai.embedding('text-embedding-3-small'), value: 'hello' });
  assert.ok(embedding.length > 0 && embedding.every((value) => Number.isFinite(value)));
});

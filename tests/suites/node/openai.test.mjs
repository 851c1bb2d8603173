// The official SDK for Node, used as its documentation says.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import OpenAI, { APIError, AuthenticationError, NotFoundError, RateLimitError, toFile } from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';

import { API_KEY, BASE_URL, MODEL, cancelled, lastRequest, untilCancelled } from './surroundings.mjs';

const client = new OpenAI({ baseURL: BASE_URL, apiKey: API_KEY, maxRetries: 0 });
const asked = (content) => [{ role: 'user', content }];
const WEATHER = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};

test('a chat answer comes whole, with its usage and request id', async () => {
  const answer = await client.chat.completions.create({ model: MODEL, messages: asked('!say Grüße, 世界 🙂') });
  assert.equal(answer.choices[0].message.content, 'Grüße, 世界 🙂');
  assert.equal(answer.choices[0].finish_reason, 'stop');
  assert.ok(answer.usage.total_tokens > 0);
  assert.match(answer._request_id, /^req_/);
});

test('what the SDK adds reaches the upstream, and the body as it was written', async () => {
  const extra = { 'Idempotency-Key': 'once-1', 'X-Client-Request-Id': 'mine-1', 'OpenAI-Beta': 'a=v1' };
  const sent = { model: MODEL, messages: asked('hello'), unknown_field: [1e-7, null] };
  await client.chat.completions.create(sent, { headers: extra });
  const { method, path, headers, body } = await lastRequest();
  assert.equal(`${method} ${path}`, 'POST /v1/chat/completions');
  assert.equal(body, `{"model":"${MODEL}","messages":[{"role":"user","content":"hello"}],"unknown_field":[1e-7,null]}`);
  const given = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  assert.equal(given['idempotency-key'], 'once-1');
  assert.equal(given['x-client-request-id'], 'mine-1');
  assert.equal(given['openai-beta'], 'a=v1');
  assert.equal(given['x-stainless-lang'], 'js');
  assert.match(given['user-agent'], /^OpenAI\/JS/);
  assert.equal(given.authorization, `Bearer ${API_KEY}`);
});

test('headers of the reply come back', async () => {
  const { response } = await client.chat.completions.create({ model: MODEL, messages: asked('hello') }).withResponse();
  assert.equal(response.headers.get('x-ratelimit-limit-requests'), '10000');
  assert.equal(response.headers.get('openai-version'), '2020-10-01');
  assert.match(response.headers.get('content-type'), /^application\/json/);
});

test('a chat stream arrives piece by piece', async () => {
  const messages = asked('!chunks 8 pace=100\n!say one two three four five six seven eight');
  const stream = await client.chat.completions.create({
    model: MODEL,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  });
  const times = [];
  let text = '';
  let usage;
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content) {
      times.push(performance.now());
      text += chunk.choices[0].delta.content;
    }
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, 'one two three four five six seven eight');
  assert.ok(usage.completion_tokens > 0);
  assert.ok(times.at(-1) - times[0] > 400, `all within ${times.at(-1) - times[0]} ms`);
});

test('an abort in the middle of a stream reaches the upstream', async () => {
  const before = await cancelled();
  const messages = asked('!chunks 200 pace=100\n!long 200');
  const stream = await client.chat.completions.create({ model: MODEL, messages, stream: true });
  let seen = 0;
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta.content && ++seen === 3) stream.controller.abort();
  }
  assert.ok(seen >= 3 && seen < 20);
  assert.ok((await untilCancelled(before)) < 1500);
});

test('a broken upstream stream is an error and not a short answer', async () => {
  const stream = await client.chat.completions.create({
    model: MODEL,
    messages: asked('!cut 3\n!long 50'),
    stream: true,
  });
  await assert.rejects(async () => {
    for await (const _ of stream);
  });
});

test('a tool is called and its result is used', async () => {
  const tools = [{ type: 'function', function: { name: 'weather', parameters: WEATHER } }];
  const messages = asked('!tool weather {"city": "Zürich"}');
  const first = await client.chat.completions.create({ model: MODEL, messages, tools });
  assert.equal(first.choices[0].finish_reason, 'tool_calls');
  const call = first.choices[0].message.tool_calls[0];
  assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ['weather', { city: 'Zürich' }]);
  messages.push(first.choices[0].message, { role: 'tool', tool_call_id: call.id, content: '21 degrees' });
  const second = await client.chat.completions.create({ model: MODEL, messages, tools });
  assert.match(second.choices[0].message.content, /21 degrees/);
});

test('a streamed tool call is put together again by the SDK', async () => {
  const tools = [{ type: 'function', function: { name: 'weather', parameters: WEATHER } }];
  const messages = asked('!tool weather {"city": "Bern"}');
  const answer = await client.chat.completions.stream({ model: MODEL, messages, tools }).finalChatCompletion();
  assert.equal(answer.choices[0].message.tool_calls[0].function.arguments, '{"city": "Bern"}');
});

test('a structured answer is parsed into its shape', async () => {
  const shape = z.object({ city: z.string(), degrees: z.number() });
  const answer = await client.chat.completions.parse({
    model: MODEL,
    messages: asked('How warm is it?'),
    response_format: zodResponseFormat(shape, 'weather'),
  });
  assert.ok(shape.safeParse(answer.choices[0].message.parsed).success);
});

test('responses come whole, streamed and in shape', async () => {
  const whole = await client.responses.create({ model: MODEL, input: '!say whole' });
  assert.equal(whole.output_text, 'whole');
  const types = [];
  let text = '';
  for await (const event of await client.responses.create({ model: MODEL, input: '!say streamed', stream: true })) {
    types.push(event.type);
    if (event.type === 'response.output_text.delta') text += event.delta;
  }
  assert.equal(text, 'streamed');
  assert.deepEqual([types[0], types.at(-1)], ['response.created', 'response.completed']);
  const shape = z.object({ city: z.string() });
  const format = { format: zodTextFormat(shape, 'place') };
  const parsed = await client.responses.parse({ model: MODEL, input: 'Where?', text: format });
  assert.equal(typeof parsed.output_parsed.city, 'string');
});

test('a response is kept, fetched and forgotten', async () => {
  const made = await client.responses.create({ model: MODEL, input: '!say kept', store: true });
  const found = await client.responses.retrieve(made.id);
  assert.equal(found.output_text ?? found.output[0].content[0].text, 'kept');
  await client.responses.delete(made.id);
  await assert.rejects(client.responses.retrieve(made.id), NotFoundError);
});

test('a file goes up and comes down byte for byte', async () => {
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 31) % 256));
  const file = await client.files.create({ file: await toFile(bytes, 'Übung – 1.bin'), purpose: 'user_data' });
  assert.equal(file.filename, 'Übung – 1.bin');
  assert.equal(file.bytes, bytes.length);
  const content = Buffer.from(await (await client.files.content(file.id)).arrayBuffer());
  assert.ok(content.equals(bytes));
});

test('speech is bytes', async () => {
  const speech = await client.audio.speech.create({ model: 'gpt-4o-mini-tts', voice: 'alloy', input: 'hello' });
  assert.ok((await speech.arrayBuffer()).byteLength > 0);
});

test('embeddings and models are what they are', async () => {
  const { data } = await client.embeddings.create({ model: 'text-embedding-3-small', input: ['a', 'b'] });
  assert.equal(data.length, 2);
  assert.ok(data[0].embedding.every((value) => Number.isFinite(value)));
  const names = [];
  for await (const model of client.models.list()) names.push(model.id);
  assert.ok(names.length > 0);
});

test('errors of the upstream keep their shape', async () => {
  const refused = await client.chat.completions.create({ model: MODEL, messages: asked('!error 429 retry-after=2') }).catch((e) => e);
  assert.ok(refused instanceof RateLimitError);
  assert.equal(refused.headers.get('retry-after'), '2');
  assert.equal(refused.code, 'rate_limit_exceeded');
  assert.match(refused.requestID, /^req_/);
  const wrong = await client.withOptions({ apiKey: 'sk-bad-key' }).models.list().catch((e) => e);
  assert.ok(wrong instanceof AuthenticationError);
});

test('errors of the gateway have the shape of the upstream', async () => {
  const unknown = await client.withOptions({ apiKey: 'lk-nobody' }).models.list().catch((e) => e);
  assert.ok(unknown instanceof AuthenticationError);
  assert.equal(typeof unknown.error.message, 'string');
  const broken = await fetch(`${BASE_URL}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    body: '{"model": ',
  });
  assert.equal(broken.status, 400);
  assert.deepEqual(Object.keys((await broken.json()).error).sort(), ['code', 'message', 'param', 'type']);
});

test('a retry of the SDK is one request more', async () => {
  const patient = client.withOptions({ maxRetries: 1 });
  const began = performance.now();
  const failed = await patient.chat.completions
    .create({ model: MODEL, messages: asked('!error 503 retry-after-ms=50') })
    .catch((e) => e);
  assert.ok(failed instanceof APIError);
  assert.equal(failed.status, 503);
  assert.ok(performance.now() - began < 2000);
  const { headers } = await lastRequest();
  const count = Object.entries(headers).find(([name]) => name.toLowerCase() === 'x-stainless-retry-count');
  assert.equal(count[1], '1');
});

"""Tests of the endpoint table's making, on a small document of our own and on OpenAI's where `OPENAPI` names it."""

import hashlib
import os
from pathlib import Path

import msgspec
import pytest

from tests.openapi.make_table import TABLE, make_table

DOCUMENT = b"""
info: {title: A small API, version: 1.2.3}
paths:
  /threads/runs:
    post:
      operationId: createThreadAndRun
      requestBody: {$ref: "#/components/requestBodies/Run"}
      responses: {"200": {content: {application/json: {}}}, "400": {content: {text/plain: {}}}}
  /answers/{id}:
    delete: {operationId: forget, responses: {"204": {}}}
    get: {operationId: read, responses: {"200": {content: {application/json: {}, text/event-stream: {}}}}}
  /answers/{id}?beta=true:
    get: {operationId: beta_read, responses: {}}
  /files:
    post:
      operationId: upload
      requestBody: {content: {multipart/form-data: {schema: {properties: {prompt: {type: object}}}}}}
      responses: {"200": {content: {audio/mpeg: {}}}}
components:
  requestBodies:
    Run: {content: {application/json: {schema: {$ref: "#/components/schemas/Run"}}}}
  schemas:
    Run:
      allOf:
      - properties: {instructions: {type: [string, "null"]}, suffix: {type: integer}}
      - properties: {thread: {anyOf: [{type: "null"}, {$ref: "#/components/schemas/Thread"}]}}
    Thread:
      properties: {messages: {type: array, items: {properties: {content: {oneOf: [{type: string}, {type: array}]}}}}}
"""


@pytest.fixture
def rows() -> dict[str, dict[str, object]]:
    return {row["operation"]: row for row in msgspec.json.decode(make_table(DOCUMENT))["endpoints"]}


def test_the_head_says_which_document_it_was() -> None:
    head = msgspec.json.decode(make_table(DOCUMENT))["document"]
    assert head == {"title": "A small API", "version": "1.2.3", "sha256": hashlib.sha256(DOCUMENT).hexdigest()}


def test_a_version_behind_a_query_is_no_endpoint_of_its_own(rows: dict[str, dict[str, object]]) -> None:
    assert sorted(rows) == ["createThreadAndRun", "forget", "read", "upload"]


def test_text_is_found_through_references_and_alternatives(rows: dict[str, dict[str, object]]) -> None:
    assert rows["createThreadAndRun"]["text_fields"] == ["instructions", "thread.messages[].content"]


def test_a_member_that_holds_no_text_is_left_out(rows: dict[str, dict[str, object]]) -> None:
    assert rows["upload"]["text_fields"] == []


def test_contents_are_those_of_good_answers(rows: dict[str, dict[str, object]]) -> None:
    assert {name: row["reply"] for name, row in rows.items()} == {
        "createThreadAndRun": ["json", "sse"],
        "forget": [],
        "read": ["json", "sse"],
        "upload": ["binary"],
    }
    assert rows["upload"]["request"] == ["multipart"]


def test_streaming_is_what_is_declared_or_known_to_stream(rows: dict[str, dict[str, object]]) -> None:
    assert [name for name, row in rows.items() if row["streaming"]] == ["read", "createThreadAndRun"]


def test_the_committed_table_is_the_one_that_the_document_gives() -> None:
    path = os.environ.get("OPENAPI", "")
    if not path:
        pytest.skip("OPENAPI names no OpenAI document: the committed endpoint table is not compared with it")
    assert TABLE.read_bytes() == make_table(Path(path).read_bytes())

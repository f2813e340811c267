"""The codec server, asked as Temporal's Web UI, its command line and strangers ask it."""

import base64
import json
from typing import Any

import httpx
import pytest

from runtime.payload_codec import ENCRYPTED, EncryptingCodec
from runtime.payload_keys import PayloadKeys
from starter.codec.app import COOKIE, create_codec_server
from starter.codec.settings import CodecNotConfigured, CodecSettings

TOKEN = "t" * 40
UI = "https://temporal.example.com"
KEYS = PayloadKeys.read(f"2026-11:{base64.b64encode(b'k' * 32).decode()}")
OTHERS = PayloadKeys.read(f"2020-01:{base64.b64encode(b'o' * 32).decode()}")
BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def browser() -> Any:
    app = create_codec_server(EncryptingCodec(KEYS), token=TOKEN, origins=[UI])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://codec.example.com") as client:
        yield client


def payloads(*texts: str) -> dict[str, Any]:
    plain = base64.b64encode(b"json/plain").decode()
    return {
        "payloads": [
            {"metadata": {"encoding": plain}, "data": base64.b64encode(json.dumps(text).encode()).decode()}
            for text in texts
        ]
    }


async def encrypted(browser: httpx.AsyncClient, *texts: str) -> dict[str, Any]:
    answer = await browser.post("/encode", json=payloads(*texts), headers=BEARER)
    found: dict[str, Any] = answer.json()
    return found


async def test_the_command_line_decodes_what_it_has_encoded_with_the_token(browser: httpx.AsyncClient) -> None:
    sealed = await encrypted(browser, "ada@contoso.example", "a reason")

    assert {base64.b64decode(each["metadata"]["encoding"]) for each in sealed["payloads"]} == {ENCRYPTED}
    assert (await browser.post("/decode", json=sealed, headers=BEARER)).json() == payloads(
        "ada@contoso.example", "a reason"
    )


async def test_the_web_ui_decodes_for_somebody_who_has_signed_in(browser: httpx.AsyncClient) -> None:
    sealed = await encrypted(browser, "a reason")
    asked = {"origin": UI, "x-namespace": "offramp", "content-type": "application/json"}
    address = "/decode?preserveStorageRefs=true"
    assert (await browser.post(address, json=sealed, headers=asked)).status_code == 401

    signed_in = await browser.post("/sign-in", data={"token": f" {TOKEN} "})
    answer = await browser.post(address, json=sealed, headers=asked)

    assert UI in signed_in.text
    cookie = signed_in.headers["set-cookie"].lower()
    assert all(word in cookie for word in ("httponly", "secure", "samesite=strict", "max-age=43200"))
    assert TOKEN not in cookie
    assert answer.json() == payloads("a reason")
    assert answer.headers["access-control-allow-origin"] == UI
    assert answer.headers["access-control-allow-credentials"] == "true"


async def test_a_web_ui_that_sends_no_credentials_has_the_token_in_its_address(browser: httpx.AsyncClient) -> None:
    sealed = await encrypted(browser, "a reason")

    assert (await browser.post(f"/{TOKEN}/decode", json=sealed)).json() == payloads("a reason")
    assert (await browser.post(f"/{'x' * 40}/decode", json=sealed)).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer "},
        {"authorization": f"Bearer {TOKEN}x"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": "Bearer \u00fc"},
        {"cookie": f"{COOKIE}={TOKEN}"},
        {"cookie": f"{COOKIE}=InNpZ25lZCBpbiI.made-up.signature"},
    ],
)
@pytest.mark.parametrize("work", ["decode", "encode"])
async def test_a_stranger_gets_nothing(browser: httpx.AsyncClient, headers: dict[str, str], work: str) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = await browser.post(f"/{work}", json=payloads("x"), headers=raw)

    assert answer.status_code == 401
    assert "payloads" not in answer.text


async def test_another_site_in_the_same_browser_gets_nothing_to_read(browser: httpx.AsyncClient) -> None:
    await browser.post("/sign-in", data={"token": TOKEN})
    evil = "https://evil.example.com"
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type,x-namespace"}

    assert (await browser.options("/decode", headers={**asked, "origin": UI})).status_code == 200
    assert (await browser.options("/decode", headers={**asked, "origin": evil})).status_code == 400
    answer = await browser.post("/decode", json=payloads("x"), headers={"origin": evil})
    assert "access-control-allow-origin" not in answer.headers


async def test_a_wrong_token_signs_nobody_in(browser: httpx.AsyncClient) -> None:
    for form in ({"token": "wrong"}, {"token": ""}, {}, {"token": "x" * 10_000}):
        answer = await browser.post("/sign-in", data=form)
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
        assert "not the token" in answer.text


async def test_a_payload_whose_key_is_gone_does_not_hide_the_others(browser: httpx.AsyncClient) -> None:
    sealed = await encrypted(browser, "a reason")
    app = create_codec_server(EncryptingCodec(OTHERS), token=TOKEN, origins=[UI])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://x") as other:
        foreign = await encrypted(other, "gone")
    mixed = {"payloads": [*foreign["payloads"], *sealed["payloads"]]}

    answer = (await browser.post("/decode", json=mixed, headers=BEARER)).json()

    assert answer["payloads"] == [*foreign["payloads"], *payloads("a reason")["payloads"]]


@pytest.mark.parametrize("body", [b"", b"{", b'{"payloads": 1}', b'{"payloads": ["x"]}', b"\xff"])
async def test_nonsense_is_refused(browser: httpx.AsyncClient, body: bytes) -> None:
    assert (await browser.post("/decode", content=body, headers=BEARER)).status_code == 400


async def test_every_answer_has_the_headers_that_keep_it_to_itself(browser: httpx.AsyncClient) -> None:
    for answer in (await browser.get("/sign-in"), await browser.get("/health"), await browser.post("/decode")):
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_it_does_not_start_without_a_token_and_the_web_uis_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CodecNotConfigured, match="no token"):
        _ = CodecSettings().token
    with pytest.raises(CodecNotConfigured, match="no address of a Web UI"):
        _ = CodecSettings().origins
    monkeypatch.setenv("OFFRAMP_CODEC_UI", f"{UI}/namespaces/offramp http://localhost:8080")
    assert CodecSettings().origins == [UI, "http://localhost:8080"]
    monkeypatch.setenv("OFFRAMP_CODEC_TOKEN", "short")
    with pytest.raises(ValueError, match="at least 32 characters"):
        CodecSettings()

"""The encryption of payloads: what stays readable, what does not, and how keys rotate."""

import base64
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.converter import DataConverter

import contract
from contract.readable import Readable
from runtime.payload_codec import ENCRYPTED, KEY_ID, EncryptingCodec, EncryptionKeyMissing
from runtime.payload_keys import PayloadKeys, PayloadKeySettings, PayloadKeysUnusable
from runtime.temporal import offramp_plugin


def key(name: str, byte: bytes = b"k") -> str:
    return f"{name}:{base64.b64encode(byte * 32).decode()}"


def converter(*keys: str) -> DataConverter:
    """The data converter of a process with these keys."""
    plugin = offramp_plugin(PayloadKeys.read(" ".join(keys)) if keys else None)
    assert isinstance(plugin.data_converter, DataConverter)
    return plugin.data_converter


NEW, OLD = key("2026-11", b"n"), key("2026-05", b"o")
REASON = "they are closing the branch in Kiel"


async def test_a_payload_cannot_be_read_without_its_key_and_no_two_are_alike() -> None:
    one, other = await converter(NEW).encode([REASON, REASON])

    assert one.metadata["encoding"] == ENCRYPTED
    assert REASON.encode() not in one.SerializeToString()
    assert one.data != other.data
    assert await converter(NEW).decode([one, other], [str, str]) == [REASON, REASON]


async def test_the_first_key_encrypts_and_all_of_them_decrypt() -> None:
    [before] = await converter(OLD).encode([REASON])
    [during] = await converter(OLD, NEW).encode([REASON])
    [after] = await converter(NEW, OLD).encode([REASON])

    assert [payload.metadata[KEY_ID].partition(b".")[0] for payload in (before, during, after)] == [
        b"2026-05", b"2026-05", b"2026-11",
    ]  # fmt: skip
    assert await converter(NEW, OLD).decode([before, during, after], [str] * 3) == [REASON] * 3


@pytest.mark.parametrize("keys", [[], [OLD], [key("2026-11", b"another key under the same name!"[:1])]])
async def test_without_the_key_it_is_missing_and_named(keys: list[str]) -> None:
    payloads = await converter(NEW).encode([REASON])

    with pytest.raises(EncryptionKeyMissing, match=r"2026-11\.[0-9a-f]{8}"):
        await converter(*keys).decode(payloads, [str])


async def test_what_was_written_before_there_were_keys_is_read() -> None:
    payloads = await converter().encode([REASON])

    assert await converter(NEW).decode(payloads, [str]) == [REASON]


async def test_what_was_forged_or_damaged_is_a_malformed_message_and_not_a_missing_key() -> None:
    [payload] = await converter(NEW).encode([REASON])
    damaged = Payload(metadata=payload.metadata, data=payload.data[:-1] + bytes([payload.data[-1] ^ 1]))
    short = Payload(metadata=payload.metadata, data=b"short")
    turned = Payload(metadata={**payload.metadata, KEY_ID: payload.metadata[KEY_ID]}, data=b"")

    for forged in (damaged, short, turned):
        assert isinstance((await converter(NEW).decode([forged]))[0], contract.Unreadable)


async def test_a_payload_of_one_key_does_not_pass_for_one_of_another() -> None:
    [payload] = await converter(key("a", b"s")).encode([REASON])
    [named] = await converter(key("b", b"s")).encode([REASON])
    renamed = Payload(metadata=named.metadata, data=payload.data)

    assert isinstance((await converter(key("b", b"s")).decode([renamed]))[0], contract.Unreadable)


async def test_summaries_and_what_the_web_ui_asks_stay_readable() -> None:
    summary, described, other = await converter(NEW).encode(
        [Readable("mail a one-time code"), WorkflowMetadata(current_details="### Cancellation"), "a name"]
    )

    assert summary.data == b'"mail a one-time code"'
    assert b"### Cancellation" in described.data
    assert other.metadata["encoding"] == ENCRYPTED


@pytest.mark.parametrize("keys", [[], [NEW]])
async def test_the_words_and_the_trace_of_a_failure_are_encrypted_where_there_is_a_key(keys: list[str]) -> None:
    failure, written = Failure(), converter(*keys)
    await written.encode_failure(ValueError(REASON), failure)

    assert (REASON.encode() in failure.SerializeToString()) == (not keys)
    assert REASON in str(await written.decode_failure(failure))


async def test_nothing_is_encrypted_twice() -> None:
    codec = EncryptingCodec(PayloadKeys.read(NEW))
    [once] = await converter(NEW).encode([REASON])
    [twice] = await codec.encode([once])

    assert await converter(NEW).decode(await codec.decode([twice]), [str]) == [REASON]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (" \n", "there is none"),
        ("2026-11", "key 1 must be written name:key"),
        ("2026.11:" + "A" * 44, "key 1 must be written name:key"),
        (f"{NEW} x:", "the key x must be 32 bytes in base64"),
        ("x:" + base64.b64encode(b"short").decode(), "the key x must be 32 bytes in base64"),
        ("x:not base64!", "the key x must be 32 bytes in base64"),
        (f"{NEW}\n{NEW}", "two keys have the name 2026-11"),
    ],
)
def test_keys_that_cannot_be_used_are_refused_without_repeating_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, reason: str
) -> None:
    file = tmp_path / "payload_keys"
    file.write_text(text, encoding="utf-8")
    monkeypatch.setenv("OFFRAMP_PAYLOAD_KEYS_FILE", str(file))

    with pytest.raises(PayloadKeysUnusable, match=reason) as refused:
        _ = PayloadKeySettings().keys

    secret = text.rpartition(":")[2].strip()
    assert not secret or secret == text.strip() or secret not in str(refused.value)


def test_keys_come_from_the_environment_or_a_file_and_from_one_of_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert PayloadKeySettings().keys.encrypting is None
    file = tmp_path / "payload_keys"
    file.write_text(f"{NEW}\n{OLD}\n", encoding="utf-8")
    monkeypatch.setenv("OFFRAMP_PAYLOAD_KEYS_FILE", str(file))
    assert [each.name for each in PayloadKeySettings().keys] == ["2026-11", "2026-05"]

    monkeypatch.setenv("OFFRAMP_PAYLOAD_KEYS", f"{OLD} {NEW}")
    with pytest.raises(PayloadKeysUnusable, match="given twice"):
        _ = PayloadKeySettings().keys

    monkeypatch.delenv("OFFRAMP_PAYLOAD_KEYS_FILE")
    settings = PayloadKeySettings()
    assert [each.name for each in settings.keys] == ["2026-05", "2026-11"]
    assert base64.b64encode(b"o" * 32).decode() not in f"{settings!r} {list(settings.keys)!r}"


def test_a_file_of_keys_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OFFRAMP_PAYLOAD_KEYS_FILE", str(tmp_path / "missing"))

    with pytest.raises(PayloadKeysUnusable, match="No such file"):
        _ = PayloadKeySettings().keys

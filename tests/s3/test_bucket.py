"""In the end each picture is in the bucket once, with its metadata, whatever happened on the way."""

import json
import signal
import sqlite3
import time

import botocore.exceptions
import pytest
from harness import BUCKET, PREFIX, assert_mirror, is_mirrored, wait_until


def test_the_server_checks_signatures(moto):
    with pytest.raises(botocore.exceptions.ClientError, match="SignatureDoesNotMatch"):
        moto.client("s3", moto.access_key, "wrong").list_objects_v2(Bucket=BUCKET)


def test_pictures_and_their_metadata_are_copied(moto, start):
    gateway = start()
    for _ in range(3):
        gateway.draw(n=2)
    assert_mirror(moto, gateway, 6)


def test_what_was_drawn_before_is_copied_too(moto, start):
    gateway = start(IMG_ROUTER_STORAGE_S3_BUCKET="")
    gateway.draw(n=4)
    gateway.stop()
    assert moto.keys() == []
    gateway.start(IMG_ROUTER_STORAGE_S3_BUCKET=BUCKET)
    assert_mirror(moto, gateway, 4)


def test_an_outage_delays_copies_and_nothing_else(moto, proxy, start):
    proxy.shut()
    gateway = start()
    wait_until("the outage is noticed", lambda: gateway.says("pictures are not copied for now"))
    began = time.monotonic()
    gateway.draw(n=4)
    assert time.monotonic() - began < 20, "callers do not wait for the bucket"
    proxy.open()
    assert_mirror(moto, gateway, 4)
    proxy.shut()
    gateway.draw(n=2)
    proxy.open()
    assert_mirror(moto, gateway, 6)


def test_answers_name_the_public_address_of_what_is_there(moto, proxy, start):
    public = "https://cdn.example/pictures"
    gateway = start(IMG_ROUTER_STORAGE_S3_PUBLIC_URL=public)
    wait_until("the bucket takes pictures", lambda: gateway.says("the bucket takes pictures"))
    drawn = 0
    while True:
        # An answer waits a few seconds for the bucket, and no longer: on a busy machine another one is quick enough.
        addresses, drawn = gateway.draw(n=2), drawn + 2
        if all(address.startswith(f"{public}/") for address in addresses):
            break
        assert drawn < 40, "the bucket is never quick enough"
    for address in addresses:
        body, _ = moto.read(address.removeprefix(f"{public}/"))
        assert body.startswith(b"\x89PNG")
    proxy.shut()
    for address in gateway.draw(n=2):
        assert address.startswith(f"{gateway.url}/storage/"), "what is not there yet is given from here"
    proxy.open()
    assert_mirror(moto, gateway, drawn + 2)


def test_a_slow_bucket_gets_everything(moto, proxy, start):
    gateway = start()
    proxy.rate = 60_000
    gateway.draw(n=4)
    assert_mirror(moto, gateway, 4)


def test_wrong_credentials_are_corrected_in_the_file(moto, proxy, start):
    gateway = start(IMG_ROUTER_STORAGE_S3_SECRET_KEY="")
    gateway.draw(n=2)
    gateway.stop()
    file = gateway.data / "runtime-config.json"
    good, bad = [{"storage": {"s3": {"secretKey": key}}} for key in (moto.secret_key, "wrong")]
    del gateway.environment["IMG_ROUTER_STORAGE_S3_SECRET_KEY"]
    for field, name in (("endpoint", "ENDPOINT"), ("bucket", "BUCKET"), ("accessKey", "ACCESS_KEY"), ("prefix", "PREFIX")):
        value = gateway.environment.pop(f"IMG_ROUTER_STORAGE_S3_{name}")
        for document in (good, bad):
            document["storage"]["s3"][field] = value
    file.write_text(json.dumps(bad))
    gateway.start()
    wait_until("the credentials are refused", lambda: gateway.says("status 403, SignatureDoesNotMatch"))
    gateway.draw(n=2)
    assert moto.keys() == []
    file.write_text(json.dumps(good))
    assert_mirror(moto, gateway, 4)


def test_a_kill_half_way_is_made_good(moto, proxy, start):
    gateway = start()
    wait_until("the bucket takes pictures", lambda: gateway.says("the bucket takes pictures"))
    proxy.rate = 20_000
    gateway.draw(n=4, size="1024x1024")
    smallest = min(file.stat().st_size for path, file in gateway.stored().items() if path.endswith(".png"))
    for _ in range(3):
        before = proxy.sent
        wait_until("an upload is half-way", lambda: proxy.sent > before + smallest // 2)
        gateway.stop(signal.SIGKILL)
        assert not is_mirrored(moto, gateway)
        gateway.start()
    proxy.rate = None
    assert_mirror(moto, gateway, 4)


def test_deletes_are_carried_over(moto, proxy, start):
    gateway = start()
    gateway.draw(n=3)
    assert_mirror(moto, gateway, 3)
    gateway.stop()
    # Two of them are three days old by now.
    with sqlite3.connect(gateway.data / "img-router.db") as database:
        old = [name for (name,) in database.execute("SELECT name FROM gallery ORDER BY name LIMIT 2")]
        database.executemany("UPDATE gallery SET created = created - 3 * 86400000 WHERE name = ?", [(name,) for name in old])
    database.close()
    proxy.shut()
    gateway.start(IMG_ROUTER_RETENTION_PICTURE_DAYS="1")
    wait_until("they are deleted here", lambda: len(gateway.stored()) == 2)
    assert len(moto.keys()) == 6
    proxy.open()
    assert_mirror(moto, gateway, 1)
    assert not any(name in key for name in old for key in moto.keys())


def test_another_bucket_gets_everything_again(moto, start):
    other = "other-pictures"
    moto.s3.create_bucket(Bucket=other)
    gateway = start()
    gateway.draw(n=2)
    assert_mirror(moto, gateway, 2)
    gateway.stop()
    gateway.start(IMG_ROUTER_STORAGE_S3_BUCKET=other)
    gateway.draw(n=1)
    expected = sorted(f"{PREFIX}/{path}" for path in gateway.stored())
    wait_until("the other bucket holds everything", lambda: moto.keys(other) == expected)
    assert len(moto.keys()) == 4, "the first one is left as it is"


def test_another_bucket_in_the_file_is_followed_while_running(moto, start):
    other = "later-pictures"
    moto.s3.create_bucket(Bucket=other)
    gateway = start(IMG_ROUTER_STORAGE_S3_BUCKET="")
    gateway.stop()
    del gateway.environment["IMG_ROUTER_STORAGE_S3_BUCKET"]
    file = gateway.data / "runtime-config.json"
    file.write_text(json.dumps({"storage": {"s3": {"bucket": BUCKET}}}))
    gateway.start()
    gateway.draw(n=2)
    assert_mirror(moto, gateway, 2)
    file.write_text(json.dumps({"storage": {"s3": {"bucket": other}}}))
    expected = sorted(f"{PREFIX}/{path}" for path in gateway.stored())
    wait_until("the other bucket holds what was there", lambda: moto.keys(other) == expected)
    gateway.draw(n=1)
    expected = sorted(f"{PREFIX}/{path}" for path in gateway.stored())
    wait_until("the other bucket holds what came later", lambda: moto.keys(other) == expected)
    assert len(moto.keys()) == 4, "the first one is left as it is"

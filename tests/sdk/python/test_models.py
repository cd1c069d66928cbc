"""The list of models."""

import openai
import pytest
from harness import ALIASES, MODEL, wait_until
from schemas import check


@pytest.mark.c08(38, 78, 79)
def test_list(client, gateway):
    raw = gateway.client.get("/v1/models", headers={"authorization": f"Bearer {gateway.key}"})
    check(raw.json(), "ListModelsResponse")
    models = {model.id: model for model in client.models.list()}
    assert models["auto"].object == "model"
    assert models[MODEL].owned_by == "NewApi"
    assert set(ALIASES.split(",")) <= models.keys()
    assert len(models) == len(raw.json()["data"]), "every id once"


def test_list_names_what_the_platform_has(client):
    """The gateway asks the platform in the background; the list itself waits for nobody."""
    wait_until("the platform's own list", lambda: "other-image" in {model.id for model in client.models.list()}, 10)


def test_list_needs_no_key(gateway):
    for headers in ({}, {"authorization": "Bearer wrong"}):
        answer = gateway.client.get("/v1/models", headers=headers)
        assert answer.status_code == 200
        assert answer.headers["x-request-id"]


@pytest.mark.c08(81)
def test_list_needs_a_key_if_so_set(fresh):
    gateway = fresh(env={"IMG_ROUTER_MODELS_REQUIRE_KEY": "true"})
    assert gateway.client.get("/v1/models").status_code == 401
    with openai.OpenAI(api_key=gateway.key, base_url=gateway.v1, max_retries=0) as client:
        assert client.models.list().data
        assert client.models.retrieve("auto").id == "auto"


@pytest.mark.c08(80)
@pytest.mark.parametrize("name", ["auto", MODEL, "gpt-image-1"])
def test_one(client, gateway, name):
    assert client.models.retrieve(name).id == name
    raw = gateway.client.get(f"/v1/models/{name}")
    check(raw.json(), "Model")
    assert raw.json()["capabilities"]["tasks"] == ["text", "edit", "blend"]
    assert raw.json()["capabilities"]["max_n"] == 16


@pytest.mark.c08(48, 80)
@pytest.mark.parametrize("name", ["no-such-model", "someone/no-such-model", "不存在"])
def test_unknown_one(client, name):
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve(name)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


@pytest.mark.c08(80)
def test_ids_with_a_slash(fresh):
    gateway = fresh(env={"IMG_ROUTER_PROVIDERS_NEWAPI_TEXT_MODEL_MAP": "black-forest-labs/FLUX.1-dev"})
    with openai.OpenAI(api_key=gateway.key, base_url=gateway.v1, max_retries=0) as client:
        assert client.models.retrieve("black-forest-labs/FLUX.1-dev").owned_by == "NewApi"
        assert client.images.generate(prompt="a fox", model="black-forest-labs/FLUX.1-dev").data


def test_demo_has_the_built_in_platform(demo_client):
    assert {"auto", "local"} <= {model.id for model in demo_client.models.list()}

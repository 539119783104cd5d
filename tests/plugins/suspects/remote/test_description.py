"""A description of a service is read strictly, and holds no secret."""

from __future__ import annotations

import pytest

import fpframe
from fpframe_plugins.suspects.remote.description import preset, read_description

WRONG = {
    'url = "ftp://host/x"': "is not the URL of a service",
    'url = "http://user:word@host/x"': "holds a name or password",
    'url = "http://host/x"\nurl2 = 1': "unknown key 'url2'",
    'url = "http://host/x"\nimages = 0': "images",
    'url = "http://host/x"\n[headers]\nauthorization = "Bearer key"': "expected a table",
    'url = "https://host/x"\n[headers]\nauthorization = {env = "A", file = "b"}': "name either 'env' or 'file'",
    'url = "http://host/x"\n[headers]\nauthorization = {env = "A"}': "is not encrypted",
    'url = "http://host/x"\n[request]\nbody = "bytes"': "holds one image as png or jpeg",
    'url = "http://host/x"\n[answer]\noutputs = "scores"': "answer.outputs",
    'url = "http://host/x"\n[price]\nrequest = -1': "price.request",
    'url = "https://host/x"\nmetadata = "https://other/x"': "metadata is at another server",
    'url = "https://host/x"\nmetadata = "http://host/x"': "metadata is at another server",
    'url = "https://host/x"\nmetadata = "https://host:8443/x"': "metadata is at another server",
    "url = ": "is not TOML",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_in_a_description_is_named(text, tmp_path):
    path = tmp_path / "service.toml"
    path.write_text(text)
    with pytest.raises(fpframe.RecipeError) as caught:
        read_description(str(path))
    assert WRONG[text] in str(caught.value)
    assert "\n" not in str(caught.value)


LATE = {
    '[request]\ntemplate = "{"': "is not JSON",
    "[request]\ntemplate = '[1]'": 'must have "{images}"',
    "[request]\ntemplate = '[\"{picture}\"]'": "'{picture}', which is none of",
    '[request]\ntemplate = \'{"a": "{image}"}\'': '"{image}" holds one image',
    '[answer]\nat = "predictions["': "is not a JSON path",
}


@pytest.mark.parametrize("text", LATE)
def test_what_cannot_be_sent_or_found_is_refused_before_anything_is_sent(text, registry, tmp_path):
    path = tmp_path / "service.toml"
    path.write_text(f'url = "http://127.0.0.1:9/x"\nimages = 2\n{text}\n')
    with pytest.raises(fpframe.UsageError) as caught:
        fpframe.open_suspect(f"http:{path}", registry=registry, num_classes=10, image_shape=(1, 8, 8))
    assert LATE[text] in str(caught.value)


@pytest.mark.parametrize("name", ["oip", "invocations", "predict", "hf"])
def test_every_preset_is_a_description(name):
    described = preset(name, "http://127.0.0.1:9/x", address="here")
    assert described.url == "http://127.0.0.1:9/x"
    assert not described.headers


def test_a_url_alone_is_not_taken_for_a_file(registry):
    with pytest.raises(fpframe.UsageError, match="how that service is asked is not known"):
        fpframe.open_suspect("http://host/x", registry=registry, num_classes=10, image_shape=(1, 8, 8))

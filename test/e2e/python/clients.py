"""Does with real Python clients what each line of standard input asks for, and answers with one line each.

A line is a JSON object: {"do": "<function below>", ...its arguments}. The answer is {"result": ...} or {"error": "..."}.
"""

import json
import sys
from functools import cache

import jwt
from apache_polaris.sdk.catalog import ApiClient, Configuration
from apache_polaris.sdk.catalog.api.iceberg_o_auth2_api import IcebergOAuth2API
from pyiceberg.catalog import load_catalog


def pyiceberg(properties):
    """Starts a catalog and asks it for its namespaces."""
    return load_catalog("e2e", type="rest", **properties).list_namespaces()


def polaris(host, access_token=None, headers=None, **arguments):
    """IcebergOAuth2API.get_token, the answer as the SDK understands it."""
    client = ApiClient(Configuration(host=host, access_token=access_token))
    answer = IcebergOAuth2API(client).get_token(_headers=headers, **arguments)
    return json.loads(answer.to_json())


@cache
def keys_at(jwks_uri, keep_seconds):
    """The keys, kept as a service keeps them."""
    return jwt.PyJWKClient(jwks_uri, lifespan=keep_seconds)


def pyjwt(jwks_uri, token, issuer, audience, keep_seconds=300):
    """Verifies a token with PyJWT and the published keys."""
    key = keys_at(jwks_uri, keep_seconds).get_signing_key_from_jwt(token)
    required = {"require": ["iss", "sub", "aud", "exp", "iat", "jti"]}
    return jwt.decode(token, key, algorithms=["ES256"], issuer=issuer, audience=audience, options=required)


for line in sys.stdin:
    request = json.loads(line)
    do = {"pyiceberg": pyiceberg, "polaris": polaris, "pyjwt": pyjwt}[request.pop("do")]
    try:
        answer = {"result": do(**request)}
    except Exception as error:  # whatever the client raises is what the test looks at
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)

"""Does with real Python clients what each line of standard input asks for, and answers with one line each.

A line is a JSON object: {"do": "<function below>", ...its arguments}. The answer is {"result": ...} or {"error": "..."}.
"""

import json
import sys
from functools import cache

import jwt
import google.auth.identity_pool
import google.auth.transport.requests
import google.oauth2.sts
import google.oauth2.utils
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


def google_account(info):
    """The token that an external_account file gives."""
    account = google.auth.identity_pool.Credentials.from_info(info)
    account.refresh(google.auth.transport.requests.Request())
    return account.token


def google_sts(url, secret=None, **arguments):
    """The answer to an exchange by google-auth's STS client, with a client's secret or without."""
    basic = google.oauth2.utils.ClientAuthType.basic
    own = secret and google.oauth2.utils.ClientAuthentication(basic, "broker", secret)
    client = google.oauth2.sts.Client(url, own)
    request = google.auth.transport.requests.Request()
    return client.exchange_token(request, grant_type="urn:ietf:params:oauth:grant-type:token-exchange", **arguments)


@cache
def keys_at(jwks_uri, keep_seconds):
    """The keys, kept as a service keeps them."""
    return jwt.PyJWKClient(jwks_uri, lifespan=keep_seconds)


def pyjwt(jwks_uri, token, issuer, audience, keep_seconds=300):
    """Verifies a token with PyJWT and the published keys."""
    key = keys_at(jwks_uri, keep_seconds).get_signing_key_from_jwt(token)
    required = {"require": ["iss", "sub", "aud", "exp", "iat", "jti"]}
    return jwt.decode(token, key, algorithms=["ES256"], issuer=issuer, audience=audience, options=required)


CLIENTS = {client.__name__: client for client in (pyiceberg, polaris, google_account, google_sts, pyjwt)}

for line in sys.stdin:
    request = json.loads(line)
    do = CLIENTS[request.pop("do")]
    try:
        answer = {"result": do(**request)}
    except Exception as error:  # whatever the client raises is what the test looks at
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)

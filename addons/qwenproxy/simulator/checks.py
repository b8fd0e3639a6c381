"""What a request must be like: one row a rule; a rule says what is wrong, in the service's words where they are known.

Source: qwen-wire B.4, B.5 and the fixed phrases of B.8.  Unknown parameters are ignored.
"""

from collections.abc import Callable, Mapping

from qwenproxy.simulator import history, parameters, toolbox
from qwenproxy.simulator.ask import Ask
from qwenproxy.simulator.refusals import ALGORITHM, Refusal, invalid

type Check = Callable[[Ask], str | None]

GATEWAY: Mapping[str, Check] = {
    "messages": history.a_list,
    "roles": history.roles,
    "tools": toolbox.some,
    "tool types": toolbox.functions,
    "tool choice": toolbox.choice,
    "portal": history.portal,
}
"""What the gateway sees to, before the model has the request."""

MODEL: Mapping[str, Check] = {
    "function role": history.function_role,
    "a turn to answer": history.somebody_speaks,
    "system first": history.system_first,
    "content": history.content,
    "flat text": history.flat_text,
    "tool content": history.tool_content,
    "media": history.media,
    "picture sizes": history.pictures,
    "input length": parameters.input_length,
    "calls answered": history.calls_answered,
    "results called for": history.results_called_for,
    "temperature": parameters.temperature,
    "top_p": parameters.top_p,
    "top_k": parameters.top_k,
    "presence_penalty": parameters.presence_penalty,
    "repetition_penalty": parameters.repetition_penalty,
    "seed": parameters.seed,
    "stop": parameters.stop,
    "top_logprobs": parameters.top_logprobs,
    "max_tokens": parameters.max_tokens,
    "max_completion_tokens": parameters.max_completion_tokens,
    "n": parameters.n,
    "streams only": parameters.streams_only,
    "thinks only streaming": parameters.thinks_only_streaming,
    "thinks always": parameters.thinks_always,
    "thinking": parameters.thinking,
    "thinking_budget": parameters.thinking_budget,
    "reasoning_effort": parameters.reasoning_effort,
    "json word": parameters.json_word,
    "response_format": parameters.response_format,
    "enable_search": parameters.search,
    "json while thinking": parameters.json_while_thinking,
    "tool names": toolbox.names,
    "tool schemas": toolbox.schemas,
    "required choice": toolbox.required_choice,
    "named choice": toolbox.named_choice,
    "forced choice while thinking": toolbox.forced_choice_while_thinking,
    "forced choice of what is there": toolbox.forced_choice_is_there,
}
"""What the model's own side sees to; its complaints begin with the algorithm's prefix."""


def refusal_for(ask: Ask) -> Refusal | None:
    """The first thing that is wrong with a request."""
    for prefix, checks in (("", GATEWAY), (ALGORITHM, MODEL)):
        for check in checks.values():
            if (complaint := check(ask)) is not None:
                return invalid(prefix + complaint)
    return None

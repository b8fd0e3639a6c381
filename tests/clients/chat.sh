#!/bin/sh
# An app that knows only api.openai.com, in curl: chat.sh OPTION BODY..., the option being the HTTP version's.
# Prints a line for each answer: HTTP version, status, and its body.
set -eu

version=$1
shift
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT
for body in "$@"; do
    curl -sS -N "$version" -o "$answer" -w '%{http_version} %{http_code} ' \
        -H 'content-type: application/json' -H 'authorization: Bearer sk-hardcoded-in-the-app' \
        -d "$body" https://api.openai.com/v1/chat/completions
    tr '\n' '|' <"$answer"
    echo
done

"""The paths of OpenAI's API, for telling a call that is not served from a mistyped one.

From the resources of the official Python SDK (3.54) and, for what the SDK has dropped or never had, OpenAI's own API
description and its older clients.  `{}` is one segment, `.` the resource itself.
"""

_RESOURCES = {
    "agents": ". {}",
    "agents/automations": ". {} {}/invocations {}/invocations/{} {}/pause {}/resume",
    "agents/environments": ". {} {}/files templates templates/{}",
    "agents/sessions": (
        ". {} {}/artifacts {}/artifacts/{} {}/artifacts/{}/content {}/events {}/items {}/subagents {}/subagents/{}"
        " {}/subagents/{}/items {}/subagents/{}/turns {}/subagents/{}/turns/{} {}/subagents/{}/turns/{}/items"
        " {}/traces {}/turns {}/turns/{} {}/turns/{}/items"
    ),
    "answers": ".",
    "assistants": ". {} {}/files {}/files/{}",
    "audio": "speech transcriptions translations voice_consents voice_consents/{} voices voices/{}",
    "batches": ". {} {}/cancel",
    "chat/completions": ". {} {}/messages",
    "chatkit": "files sessions sessions/{}/cancel threads threads/{} threads/{}/items",
    "classifications": ".",
    "completions": ".",
    "containers": ". {} {}/files {}/files/{} {}/files/{}/content",
    "content_provenance_checks": ".",
    "conversations": ". {} {}/items {}/items/{}",
    "dashboard/billing": "credit_grants invoices subscription usage",
    "decisions": ".",
    "edits": ".",
    "embeddings": ".",
    "engines": ". {} {}/chat/completions {}/completions {}/edits {}/embeddings {}/search",
    "evals": ". {} {}/runs {}/runs/{} {}/runs/{}/cancel {}/runs/{}/output_items {}/runs/{}/output_items/{}",
    "files": ". {} {}/content",
    "fine-tunes": ". {} {}/cancel {}/events",
    "fine_tuning": "alpha/graders/run alpha/graders/validate checkpoints/{}/permissions checkpoints/{}/permissions/{}",
    "fine_tuning/jobs": ". {} {}/cancel {}/checkpoints {}/events {}/pause {}/resume",
    "images": "edits generations variations",
    "live": ". sessions",
    "live/sessions/{}": "accept content fork hangup refer reject",
    "moderations": ".",
    "organization": (
        "admin_api_keys admin_api_keys/{} audit_logs certificates certificates/activate certificates/deactivate"
        " certificates/{} costs data_retention external_keys external_keys/{} external_keys/{}/validate"
        " external_storage external_storage/{} external_storage/{}/validate invites invites/{} roles roles/{}"
        " spend_alerts spend_alerts/{} spend_limit users users/{} users/{}/roles users/{}/roles/{}"
    ),
    "organization/groups": ". {} {}/roles {}/roles/{} {}/users {}/users/{}",
    "organization/projects": (
        ". {} {}/api_keys {}/api_keys/{} {}/archive {}/certificates {}/certificates/activate"
        " {}/certificates/deactivate {}/data_retention {}/groups {}/groups/{} {}/hosted_tool_permissions"
        " {}/model_permissions {}/rate_limits {}/rate_limits/{} {}/service_accounts {}/service_accounts/{}"
        " {}/service_accounts/{}/api_keys {}/service_tier_settings {}/spend_alerts {}/spend_alerts/{} {}/spend_limit"
        " {}/users {}/users/{}"
    ),
    "organization/usage": (
        "audio_speeches audio_transcriptions code_interpreter_sessions completions decisions embeddings"
        " file_search_calls images moderations vector_stores web_search_calls"
    ),
    "organization/workload_identity_providers": ". {} {}/federation_rules {}/federation_rules/{}",
    "projects": "{}/groups/{}/roles {}/groups/{}/roles/{} {}/roles {}/roles/{} {}/users/{}/roles {}/users/{}/roles/{}",
    "realtime": (
        ". calls calls/{}/accept calls/{}/hangup calls/{}/refer calls/{}/reject client_secrets sessions"
        " transcription_sessions translations translations/calls translations/client_secrets"
    ),
    "responses": ". compact input_tokens {} {}/cancel {}/input_items",
    "safety": "alerts/{} cases/{}",
    "search": ".",
    "skills": ". {} {}/content {}/versions {}/versions/{} {}/versions/{}/content",
    "threads": (
        ". runs {} {}/messages {}/messages/{} {}/messages/{}/files {}/messages/{}/files/{} {}/runs {}/runs/{}"
        " {}/runs/{}/cancel {}/runs/{}/steps {}/runs/{}/steps/{} {}/runs/{}/submit_tool_outputs"
    ),
    "uploads": ". {}/cancel {}/complete {}/parts",
    "usage": ".",
    "vaults": ". {} {}/credentials {}/credentials/{}",
    "vector_stores": (
        ". {} {}/file_batches {}/file_batches/{} {}/file_batches/{}/cancel {}/file_batches/{}/files"
        " {}/files {}/files/{} {}/files/{}/content {}/search"
    ),
    "videos": ". characters characters/{} edits extensions {} {}/content {}/remix",
    "webhook_endpoints": ". {} {}/rotate_secret {}/test",
    "webhook_event_types": ".",
}

PATHS: tuple[str, ...] = tuple(
    f"/v1/{resource}/{rest}".removesuffix("/.") for resource, all_ in _RESOURCES.items() for rest in all_.split()
)
"""Path templates, `/v1` included."""

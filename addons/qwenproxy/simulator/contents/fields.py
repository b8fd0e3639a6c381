"""The request of generateContent, as a table of protocol buffers (ai.google.dev/api/generate-content, v1beta, 2026-11).

A schema in `parameters` and `responseSchema` is a message too, so its unknown keywords are refused (qwen-wire E.6).
"""

from qwenproxy.simulator.contents.protojson import Table

DATA = """
text inline_data file_data function_call function_response executable_code code_execution_result tool_call tool_response
"""
"""The fields of a part of which it has one."""

MESSAGES = {
    "GenerateContentRequest": {
        "model": "string",
        "contents": "[Content]",
        "system_instruction": "Content",
        "tools": "[Tool]",
        "tool_config": "ToolConfig",
        "safety_settings": "[SafetySetting]",
        "generation_config": "GenerationConfig",
        "cached_content": "string",
        "service_tier": "string",
        "store": "bool",
    },
    "CountTokensRequest": {
        "model": "string",
        "contents": "[Content]",
        "generate_content_request": "GenerateContentRequest",
    },
    "Content": {"role": "string", "parts": "[Part]"},
    "Part": {
        "text": "string",
        "inline_data": "Blob",
        "file_data": "FileData",
        "function_call": "FunctionCall",
        "function_response": "FunctionResponse",
        "executable_code": "ExecutableCode",
        "code_execution_result": "CodeExecutionResult",
        "tool_call": "Struct",
        "tool_response": "Struct",
        "thought": "bool",
        "thought_signature": "bytes",
        "part_metadata": "Struct",
        "video_metadata": "Struct",
        "media_resolution": "Struct",
    },
    "Blob": {"mime_type": "string", "data": "bytes"},
    "FileData": {"mime_type": "string", "file_uri": "string"},
    "FunctionCall": {"id": "string", "name": "string", "args": "Struct"},
    "FunctionResponse": {
        "id": "string",
        "name": "string",
        "response": "Struct",
        "parts": "[Value]",
        "will_continue": "bool",
        "scheduling": "string",
    },
    "ExecutableCode": {"id": "string", "language": "string", "code": "string"},
    "CodeExecutionResult": {"id": "string", "outcome": "string", "output": "string"},
    "Tool": {
        "function_declarations": "[FunctionDeclaration]",
        "google_search": "Struct",
        "google_search_retrieval": "Struct",
        "code_execution": "Struct",
        "url_context": "Struct",
        "computer_use": "Struct",
        "file_search": "Struct",
        "google_maps": "Struct",
    },
    "FunctionDeclaration": {
        "name": "string",
        "description": "string",
        "behavior": "string",
        "parameters": "Schema",
        "parameters_json_schema": "Value",
        "response": "Schema",
        "response_json_schema": "Value",
    },
    "Schema": {
        "type": "Type",
        "format": "string",
        "title": "string",
        "description": "string",
        "nullable": "bool",
        "enum": "[string]",
        "items": "Schema",
        "properties": "{Schema}",
        "required": "[string]",
        "min_items": "int64",
        "max_items": "int64",
        "min_properties": "int64",
        "max_properties": "int64",
        "min_length": "int64",
        "max_length": "int64",
        "pattern": "string",
        "minimum": "float",
        "maximum": "float",
        "any_of": "[Schema]",
        "default": "Value",
        "example": "Value",
        "property_ordering": "[string]",
    },
    "ToolConfig": {
        "function_calling_config": "FunctionCallingConfig",
        "retrieval_config": "Struct",
        "include_server_side_tool_invocations": "bool",
    },
    "FunctionCallingConfig": {"mode": "FunctionCallingConfig.Mode", "allowed_function_names": "[string]"},
    "SafetySetting": {"category": "string", "threshold": "string"},
    "GenerationConfig": {
        "stop_sequences": "[string]",
        "response_mime_type": "string",
        "response_schema": "Schema",
        "response_json_schema": "Value",
        "response_modalities": "[string]",
        "candidate_count": "int32",
        "max_output_tokens": "int32",
        "temperature": "float",
        "top_p": "float",
        "top_k": "int32",
        "seed": "int32",
        "presence_penalty": "float",
        "frequency_penalty": "float",
        "response_logprobs": "bool",
        "logprobs": "int32",
        "enable_enhanced_civic_answers": "bool",
        "speech_config": "Struct",
        "image_config": "Struct",
        "thinking_config": "ThinkingConfig",
        "media_resolution": "string",
    },
    "ThinkingConfig": {"include_thoughts": "bool", "thinking_budget": "int32", "thinking_level": "ThinkingLevel"},
}

ENUMS = {
    "Type": ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"),
    "FunctionCallingConfig.Mode": ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"),
    "ThinkingLevel": ("THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH"),
}

TABLE = Table(MESSAGES, ENUMS, {"Part": tuple(DATA.split())})

"""Words of streamed chunks that come whole: which of them may be shown at once.

A reader compares the type of a block, the id of a call and the reason for which a
model stopped, so no letter of them may come later than the rest. What is public
anyway is shown at once; any other word whose last letters may begin a value waits.
Of a credential that nobody registered the first three letters say nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langchain_tyrum.redaction.ids import is_made_up
from langchain_tyrum.redaction.markers import MARKER
from langchain_tyrum.redaction.vocabulary import VOCABULARY

if TYPE_CHECKING:
    from langchain_tyrum.redaction import Redactor

#: What providers and LangChain write into chunks besides what a model says.
_WRITTEN = """
AIMessageChunk STOP MAX_TOKENS SAFETY RECITATION FINISH_REASON_UNSPECIFIED
OTHER LANGUAGE BLOCKLIST PROHIBITED_CONTENT SPII MALFORMED_FUNCTION_CALL
approximate assistant audio auto azure_openai base64 bedrock bedrock_converse
block-delta cache_control charLocation char_location citation citations
code_execution_call code_execution_result code_execution_tool_result
code_interpreter_call cohere complete completed computer_call content_block
content_block_location content_filter custom_tool_call data-delta deepseek
document document_chunk document_page end_turn enum ephemeral executable_code
failed fetch file file_citation file_path file_search_call final_answer fireworks
flex function_call_output function_calling google google_genai google_vertexai
groq huggingface image image_generation_call image_url in_progress incomplete
input_audio input_file input_image input_json_delta input_text insert json_object
json_schema length litellm load local_shell_call lc_source list
max_completion_tokens max_output_tokens max_tokens mcp_approval_request mcp_call
mcp_list_tools mcp_tool_result mcp_tool_use media mistralai model_context_window
model_length model_name model_provider model_window_exceeded non_standard
non_standard_annotation nvidia ollama output_text page_location pause_turn
perplexity plain priority prefix reasoning reasoning-delta reasoning_content
redacted_thinking refusal responses/v1 scale search_result
search_result_location server_tool_call server_tool_call_chunk
server_tool_result server_tool_use signature standard stop stop_sequence
summary_text text-delta text-plain text_delta text_editor_code_execution_tool_result
thinking_delta together tool-call-delta tool_approval tool_code tool_error
tool_result tool_use unload update url url_citation v0 v1 video web_fetch_tool_result
web_search_call web_search_result web_search_result_location web_search_tool_result
xai
"""
PUBLIC = VOCABULARY.union(_WRITTEN.split())
#: Ids that providers make up: what a call or a message is known by.
_is_id = re.compile(
    r"(?:call|toolu|srvtoolu|msg|rs|fc|ci|ws|fs|ig|mcp|resp|chatcmpl|gen|run|lc)"
    r"[-_][A-Za-z0-9_-]{12,80}"
).fullmatch
#: So few letters begin anything by accident: an id, or what has a shape.
FEW = 3
_MOST_KNOWN = 512
_SHORT = 256


class Words:
    """What of the words of one stream is clean, and what cannot be told yet.

    Args:
        redactor: What to redact with.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._clean: set[str | int] = set()
        self._sure: set[str] = set()
        self._letters: dict[str, bool] = {}
        self._open: dict[str, tuple[bool, int]] = {}
        self._generation = -1

    @property
    def sure(self) -> set[str]:
        """Clean words that may be shown whatever follows: those met so far."""
        self._now()
        return self._sure

    def whole(self, value: Any) -> Any:
        """Redact what comes whole; each chunk repeats most of it, and it is clean."""
        if value is None or (isinstance(value, dict | list | str) and not value):
            return value
        if type(value) not in (str, int):
            return self._redactor.redact(value)
        self._now()
        if value in self._clean:
            return value
        clean = self._redactor.redact(value)
        if clean is value and (isinstance(value, int) or len(value) <= _SHORT):
            if len(self._clean) >= _MOST_KNOWN:
                self._clean = set()
            self._clean.add(value)
        return clean

    def is_sure(self, word: str) -> bool:
        """Tell whether a word may be shown, whatever follows it in its field."""
        if word in self.sure:
            return True
        known, begun = self._begun(word)
        if word in PUBLIC:
            sure = begun < len(word)
        else:
            shaped = is_made_up(word) or _is_id(word)
            sure = begun <= FEW and bool(shaped or not known)
        if sure and len(word) <= _SHORT and self.whole(word) == word:
            self._sure.add(word)
        return sure

    def is_unlike(self, word: str) -> bool:
        """Tell whether a word begins a value at most by accident."""
        return self.is_sure(word) or self._begun(word)[1] <= FEW

    def is_id(self, word: str) -> bool:
        """Tell whether a word may be the id of a message: one repeats it, whole.

        What only looks like a credential, or like the beginning of one, may.
        """
        if self.is_unlike(word):
            return True
        return _held(self._redactor.in_mode("observe"), word) <= FEW

    def _begun(self, word: str) -> tuple[bool, int]:
        """Tell whether a word ends with what may begin a registered value.

        Returns:
            That, and how many letters may begin anything.
        """
        self._now()
        found = self._open.get(word)
        if found is None:
            begun = _held(self._redactor, word)
            few = 0 < begun <= FEW
            known = self.may_begin(word[-begun:]) if few else begun > FEW
            found = known, begun
            if len(self._open) >= _MOST_KNOWN:
                self._open, self._sure = {}, set()
            self._open[word] = found
        return found

    def may_begin(self, letters: str) -> bool:
        """Tell whether a few letters, or the last of them, begin a registered value."""
        self._now()
        found = self._letters.get(letters)
        if found is None:
            known = self._redactor.in_mode("observe")
            if len(self._letters) >= _MOST_KNOWN:
                self._letters = {}
            found = self._letters[letters] = _held(known, letters) > 0
        return found

    def _now(self) -> None:
        if self._generation != self._redactor.generation:
            self._clean, self._open, self._sure = set(), {}, set()
            self._letters = {}
            self._generation = self._redactor.generation


def _held(redactor: Redactor, word: str) -> int:
    stream = redactor.stream()
    stream.feed(word)
    held: str = stream.close()
    return 0 if MARKER.fullmatch(held) else len(held)  # it stands there, hidden

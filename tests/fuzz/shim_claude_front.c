#include <stdint.h>
#include <stdlib.h>

#include "shim/claude_front.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool
is_key(struct str line)
{
	static const char *const known[] = { "name: ", "description: ", "when_to_use: ",
		"argument-hint: ", "arguments: ", "disable-model-invocation: ",
		"user-invocable: ", "version: ", "model: ", "effort: ", "color: ",
		"maxTurns: ", "tools: ", "disallowedTools: ",
		"keep-coding-instructions: " };

	for (size_t i = 0; i < LEN(known); i++)
		if (str_starts(line, str_of(known[i])))
			return true;
	return false;
}

/*
 * Whatever the file holds, its new frontmatter is lines of known keys between two fences, with
 * no third fence, each value in quotes, a list, a number or a truth.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct str text = { (const char *)data, n };
	const struct str body = claude_front_body(text);

	if (body.n > n || (body.n > 0 && body.p + body.n != text.p + n))
		abort();
	for (int k = 0; k < FRONT_KINDS; k++) {
		CLEANUP(buf_fini) struct buf b = BUF_INIT(1 << 20);
		struct str rest;

		if (!claude_front_put(&b, (enum front_kind)k, text)) {
			if (b.n > 0 || k != FRONT_AGENT)
				abort();
			continue;
		}
		rest = buf_str(&b);
		if (b.over || !str_starts(rest, STR("---\n")) ||
			!str_ends(rest, STR("---\n")))
			abort();
		rest = (struct str){ rest.p + 4, rest.n - 8 };
		if (rest.n > 0 && (memmem(rest.p, rest.n, "---", 3) != NULL ||
					  memchr(rest.p, '\0', rest.n) != NULL))
			abort();
		while (rest.n > 0) {
			const char *end = memchr(rest.p, '\n', rest.n);
			const struct str line = { rest.p, (size_t)(end - rest.p) };
			const char *value = memchr(line.p, ' ', line.n);

			if (!is_key(line) || strchr("\"[0123456789tf", value[1]) == NULL)
				abort();
			rest = str_skip(rest, line.n + 1);
		}
	}
	return 0;
}

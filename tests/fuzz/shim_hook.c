#include <stdint.h>
#include <stdlib.h>

#include "shim/hook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/*
 * A call of a tool that is not ours never goes on, and whatever is answered is one whole JSON
 * object.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	CLEANUP(hook_call_fini) struct hook_call c = HOOK_CALL_INIT;
	CLEANUP(buf_fini) struct buf out = BUF_INIT(HOOK_ANSWER_MAX);
	CLEANUP(buf_fini) struct buf line = BUF_INIT(REC_LINE_MAX);
	CLEANUP(pol_freep) struct policy *p = pol_default();
	CLEANUP(json_freep) json_t *answer = NULL;
	const struct rec_who who = { .run = "r" };
	struct err e = ERR_INIT;
	struct rec r;

	if (hook_read(&c, "PreToolUse", (struct str){ (const char *)data, n }, &e) < 0)
		return 0;
	hook_decide(&c, p);
	if (c.goes_on && !str_starts(c.tool, STR("mcp__pando_core__")) &&
		!str_starts(c.tool, STR("mcp__pando_workspace__")))
		abort();
	if (hook_put_answer(&c, &out, &e) < 0)
		return 0;
	answer = json_parse(buf_str(&out), &e);
	if (!json_is_object(answer) || (json_object_size(answer) == 0) != c.goes_on)
		abort();
	r = hook_rec(&c);
	rec_put_body(&line, &who, &r, true);
	return 0;
}

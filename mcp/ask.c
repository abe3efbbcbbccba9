#include "mcp/ask.h"

#include <stdlib.h>

#include "base/log.h"

const char *
ask_outcome_name(enum ask_outcome o)
{
	static const char *const names[ASK_OUTCOMES] = {
		[ASK_ALLOWED] = "allowed",
		[ASK_DECLINED] = "declined",
		[ASK_DISMISSED] = "dismissed",
		[ASK_LATE] = "not answered in time",
		[ASK_FAILED] = "failed",
		[ASK_UNABLE] = "the client cannot ask",
		[ASK_STOPPED] = "cancelled",
	};

	return names[o];
}

const char *
ask_why_not(enum ask_outcome o)
{
	static const char *const why[ASK_OUTCOMES] = {
		[ASK_ALLOWED] = "",
		[ASK_DECLINED] = "the person was asked and did not allow it",
		[ASK_DISMISSED] =
			"the person was asked and closed the question without an answer",
		[ASK_LATE] = "the person was asked and did not answer in time",
		[ASK_FAILED] = "the person has to allow it, and your agent could not ask",
		[ASK_UNABLE] = "the person has to allow it, and your agent cannot ask",
		[ASK_STOPPED] = "the call was cancelled while the person was asked",
	};

	return why[o];
}

bool
ask_can(const json_t *params, const char *revision)
{
	const json_t *modes = json_object_of(
		json_object_of(params, "capabilities"), "elicitation");

	/* revisions are dates; 2025-06-18 knows no modes: then an empty object is forms */
	if (modes == NULL || strcmp(revision, "2025-06-18") < 0)
		return false;
	return json_object_size(modes) == 0 || json_object_of(modes, "form") != NULL;
}

/* A cut in the middle: what matters of a command may stand at its end. */
static void
put_cut(struct buf *out, struct str text)
{
	enum { HALF = ASK_VALUE_MAX / 2 };

	if (text.n <= ASK_VALUE_MAX) {
		buf_put_str(out, text);
		return;
	}
	buf_put(out, text.p, HALF);
	buf_printf(out, " [... %zu characters are not shown ...] ",
		text.n - (size_t)2 * HALF);
	buf_put(out, text.p + text.n - HALF, HALF);
}

/* In ASCII, so that no character can turn a line around or pass for another. */
static void
put_value(struct buf *out, const json_t *v)
{
	char *z = json_dumps(
		v, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);

	if (z == NULL)
		abort();
	put_cut(out, str_of(z));
	mem_freep(&z);
}

static void
put_question(struct buf *out, const struct pol_use *u, const struct pol_decision *d,
	json_t *args)
{
	char tool[LOG_QUOTED_MAX];
	const char *key;
	json_t *v;

	buf_printf(out, "%s wants to use " STR_FMT "/%s", pol_agent_name(u->agent),
		STR_ARG(u->server), log_quoted(u->tool, tool));
	json_object_foreach(args, key, v)
	{
		char shown[LOG_QUOTED_MAX];

		buf_printf(out, "\n  %s: ", log_quoted(str_of(key), shown));
		put_value(out, v);
	}
	buf_printf(out, "\n%s (rule %s, %s", d->message, d->rule, d->file);
	if (d->line > 0)
		buf_printf(out, ":%d", d->line);
	buf_puts(out, ")");
}

void
ask_put_params(struct buf *out, const struct pol_use *u, const struct pol_decision *d,
	json_t *args)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT(ASK_TEXT_MAX);

	put_question(&text, u, d, args);
	buf_puts(out, "{\"message\":");
	buf_put_json(out, buf_str(&text));
	buf_puts(out,
		",\"requestedSchema\":{\"type\":\"object\",\"properties\":{\"allow\":{"
		"\"type\":\"string\",\"enum\":[\"no\",\"yes\"],"
		"\"title\":\"Allow this call\","
		"\"description\":\"It is made once, now\"}},"
		"\"required\":[\"allow\"]}}");
	if (text.over)
		out->over = true;
}

enum ask_outcome
ask_outcome_of(const json_t *message)
{
	const json_t *result = json_object_of(message, "result");
	const char *action = json_text_of(result, "action");
	const char *allow = json_text_of(json_object_of(result, "content"), "allow");

	if (action == NULL || json_object_get(message, "error") != NULL)
		return ASK_FAILED;
	if (strcmp(action, "decline") == 0)
		return ASK_DECLINED;
	if (strcmp(action, "cancel") == 0)
		return ASK_DISMISSED;
	if (strcmp(action, "accept") != 0)
		return ASK_FAILED;
	return allow != NULL && strcmp(allow, "yes") == 0 ? ASK_ALLOWED : ASK_DECLINED;
}

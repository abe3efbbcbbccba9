#include "mcp/ask.h"

#include <stdlib.h>

#include "tests/unit/test.h"

static json_t *
parse(const char *text)
{
	struct err e = ERR_INIT;
	json_t *j = json_parse(str_of(text), &e);

	ok_str(e.text, "", text);
	return j;
}

static void
only_a_client_with_forms_can_ask(void)
{
#define CAN(modes) "{\"capabilities\":{\"elicitation\":" modes "}}"
	static const struct {
		const char *params, *revision;
		bool want;
	} rows[] = {
		{ CAN("{}"), "2025-06-18", true },
		{ CAN("{}"), "2025-11-25", true },
		{ CAN("{\"form\":{},\"url\":{}}"), "2025-11-25", true },
		{ CAN("{\"form\":{}}"), "2025-06-18", true },
		{ CAN("{\"url\":{}}"), "2025-11-25", false },
		{ CAN("{\"form\":true}"), "2025-11-25", false },
		{ CAN("true"), "2025-11-25", false },
		{ CAN("null"), "2025-11-25", false },
		{ CAN("{}"), "2025-03-26", false },
		{ CAN("{}"), "2024-11-05", false },
		{ "{\"capabilities\":{}}", "2025-11-25", false },
		{ "{\"elicitation\":{}}", "2025-11-25", false },
		{ "{}", "2025-11-25", false },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(json_freep) json_t *params = parse(rows[i].params);

		ok_int(ask_can(params, rows[i].revision), rows[i].want, rows[i].params);
	}
	ok(!ask_can(NULL, "2025-11-25"), "no params");
}

static void
only_accept_with_yes_is_a_yes(void)
{
#define RESULT(r) "{\"jsonrpc\":\"2.0\",\"id\":\"pando-1\",\"result\":" r "}"
	static const struct {
		const char *message;
		enum ask_outcome want;
	} rows[] = {
		{ RESULT("{\"action\":\"accept\",\"content\":{\"allow\":\"yes\"}}"),
			ASK_ALLOWED },
		{ RESULT("{\"action\":\"accept\",\"content\":{\"allow\":\"no\"}}"),
			ASK_DECLINED },
		{ RESULT("{\"action\":\"accept\",\"content\":{\"allow\":\"YES\"}}"),
			ASK_DECLINED },
		{ RESULT("{\"action\":\"accept\",\"content\":{\"allow\":true}}"),
			ASK_DECLINED },
		{ RESULT("{\"action\":\"accept\",\"content\":{}}"), ASK_DECLINED },
		{ RESULT("{\"action\":\"accept\",\"content\":\"yes\"}"), ASK_DECLINED },
		{ RESULT("{\"action\":\"accept\"}"), ASK_DECLINED },
		{ RESULT("{\"action\":\"decline\",\"content\":{\"allow\":\"yes\"}}"),
			ASK_DECLINED },
		{ RESULT("{\"action\":\"cancel\"}"), ASK_DISMISSED },
		{ RESULT("{\"action\":\"Accept\",\"content\":{\"allow\":\"yes\"}}"),
			ASK_FAILED },
		{ RESULT("{\"action\":1}"), ASK_FAILED },
		{ RESULT("{}"), ASK_FAILED },
		{ RESULT("[]"), ASK_FAILED },
		{ RESULT("\"accept\""), ASK_FAILED },
		{ "{\"id\":\"pando-1\",\"error\":{\"code\":-32601,\"message\":\"no\"}}",
			ASK_FAILED },
		{ "{\"id\":\"pando-1\",\"error\":{\"code\":1},\"result\":{\"action\":\"accept\","
		  "\"content\":{\"allow\":\"yes\"}}}",
			ASK_FAILED },
	};

	for (size_t i = 0; i < LEN(rows); i++) {
		CLEANUP(json_freep) json_t *message = parse(rows[i].message);

		ok_int(ask_outcome_of(message), rows[i].want, rows[i].message);
	}
}

static json_t *
question(const char *tool, const char *args_text)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT(ASK_PARAMS_MAX);
	CLEANUP(json_freep) json_t *args = parse(args_text);
	const struct pol_use use = { .agent = POL_CODEX,
		.server = STR(POL_SERVER_WORKSPACE),
		.tool = str_of(tool) };
	const struct pol_decision d = { .verdict = POL_ASK,
		.rule = "push",
		.file = "/p.toml",
		.line = 7,
		.message = "Pushing is for people." };

	ask_put_params(&out, &use, &d, args);
	ok(!out.over, "it fits");
	return parse(buf_text(&out));
}

static void
a_question_names_tool_arguments_and_rule(void)
{
	CLEANUP(json_freep)
	json_t *q = question("shell-command",
		"{\"command\":\"git push\\nx \\u202e\\u001b[2J\\u00e9\",\"timeout_ms\":5}");
	const json_t *schema = json_object_of(q, "requestedSchema");
	const json_t *allow = json_object_of(
		json_object_of(schema, "properties"), "allow");

	ok_str(json_text_of(q, "message"),
		"codex wants to use pando_workspace/shell-command\n"
		"  command: \"git push\\nx \\u202E\\u001B[2J\\u00E9\"\n"
		"  timeout_ms: 5\n"
		"Pushing is for people. (rule push, /p.toml:7)",
		"the message");
	ok_str(json_string_value(json_array_get(json_array_of(allow, "enum"), 0)), "no",
		"what a client marks first is no");
	ok_str(json_string_value(json_array_get(json_array_of(schema, "required"), 0)),
		"allow", "a form without an answer is no answer");
}

static void
long_arguments_are_cut_in_the_middle(void)
{
	enum { LONG = 100000, ROOM = 200000, SHORT = 2000 };
	CLEANUP(buf_fini) struct buf args = BUF_INIT(ROOM);
	CLEANUP(json_freep) json_t *q = NULL;
	const char *message;

	buf_puts(&args, "{\"command\":\"begin");
	for (size_t i = 0; i < LONG; i++)
		buf_putc(&args, ' ');
	buf_puts(&args, "; rm -rf .\"}");
	q = question("shell-command", buf_text(&args));
	message = json_text_of(q, "message");
	ok(message != NULL && strlen(message) < SHORT, "it is short");
	ok(message != NULL && strstr(message, "\"begin ") != NULL, "its beginning");
	ok(message != NULL && strstr(message, "; rm -rf .\"") != NULL, "its end");
	ok(message != NULL && strstr(message, "99217 characters are not shown") != NULL,
		"how much is not shown");
}

static void
every_outcome_has_its_words(void)
{
	for (int o = 0; o < ASK_OUTCOMES; o++) {
		ok(*ask_outcome_name((enum ask_outcome)o) != '\0', "for the log");
		ok_int(*ask_why_not((enum ask_outcome)o) == '\0', o == ASK_ALLOWED,
			"for the model");
	}
}

int
main(void)
{
	only_a_client_with_forms_can_ask();
	only_accept_with_yes_is_a_yes();
	a_question_names_tool_arguments_and_rule();
	long_arguments_are_cut_in_the_middle();
	every_outcome_has_its_words();
	return test_done();
}

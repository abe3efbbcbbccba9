#include "shim/codex_keys.h"

#include <inttypes.h>

const char *const codex_own_keys[] = { "cli_auth_credentials_store", "commit_attribution",
	"compact_prompt", CODEX_INSTRUCTIONS, "disable_paste_burst",
	"experimental_compact_prompt_file", "file_opener", "forced_chatgpt_workspace_id",
	"forced_login_method", "hide_agent_reasoning", "history.max_bytes",
	"history.persistence", "model", "model_auto_compact_token_limit",
	"model_auto_compact_token_limit_scope", "model_context_window",
	"model_instructions_file", "model_reasoning_effort", "model_reasoning_summary",
	"model_supports_reasoning_summaries", "model_verbosity", "notice", "personality",
	"plan_mode_reasoning_effort", "project_doc_fallback_filenames",
	"project_doc_max_bytes", "project_root_markers", "review_model", "service_tier",
	"show_raw_agent_reasoning", "skills.config", "tool_output_token_limit",
	"tui.agents_overview_grouping", "tui.alternate_screen", "tui.animations",
	"tui.auto_recap", "tui.collapse_turn_details", "tui.copy_on_select",
	"tui.copy_on_select_clear_selection", "tui.disable_paste_burst", "tui.effects",
	"tui.fullscreen_transcript", "tui.keymap", "tui.model_availability_nux",
	"tui.mouse_scroll_speed", "tui.notification_condition", "tui.notification_method",
	"tui.notifications", "tui.pet", "tui.pet_anchor", "tui.question_esc_back",
	"tui.raw_output_mode", "tui.rendering", "tui.right_click_paste",
	"tui.screen_reader_detection_done", "tui.session_picker_view",
	"tui.show_server_version_notice", "tui.show_tooltips",
	"tui.sidebar_width_percent", "tui.status_line", "tui.status_line_use_colors",
	"tui.terminal_title", "tui.theme", "tui.vim_mode_default", NULL };

enum { VALUE_MAX = TOML_TEXT_MAX };

bool
codex_is_path(const char *key)
{
	return strcmp(key, "model_instructions_file") == 0 ||
	       strcmp(key, "experimental_compact_prompt_file") == 0;
}

const struct toml_node *
codex_get(const struct toml_node *config, const char *dotted)
{
	const char *dot = strchr(dotted, '.');
	CLEANUP(mem_freep)
	char *first = mem_strdup_str((struct str){
		dotted, dot == NULL ? strlen(dotted) : (size_t)(dot - dotted) });
	const struct toml_node *n = config == NULL ? NULL : toml_get(config, first);

	if (dot == NULL || n == NULL || n->type != TOML_TABLE)
		return dot == NULL ? n : NULL;
	return toml_get(n, dot + 1);
}

const char *
codex_text(const struct toml_node *config, const char *dotted)
{
	const struct toml_node *n = codex_get(config, dotted);

	return n != NULL && n->type == TOML_STRING ? n->text.p : NULL;
}

/* JSON's escapes are all TOML's too (TOML 1.0, "String"). */
static void
put(struct buf *b, const struct toml_node *n, int depth)
{
	const bool table = n->type == TOML_TABLE;

	switch (n->type) {
	case TOML_STRING:
		buf_put_json(b, n->text);
		return;
	case TOML_INT:
		buf_printf(b, "%" PRId64, n->integer);
		return;
	case TOML_FLOAT:
		buf_printf(b, "%.17e", n->number);
		return;
	case TOML_BOOL:
		buf_puts(b, n->truth ? "true" : "false");
		return;
	case TOML_TABLE:
	case TOML_ARRAY:
	case TOML_TYPES:
		break;
	}
	buf_putc(b, table ? '{' : '[');
	for (const struct toml_node *c = n->child; c != NULL && depth < TOML_DEPTH_MAX;
		c = c->next) {
		if (table) {
			buf_put_json(b, str_of(c->key));
			buf_putc(b, '=');
		}
		put(b, c, depth + 1);
		if (c->next != NULL)
			buf_putc(b, ',');
	}
	buf_putc(b, table ? '}' : ']');
}

void
codex_put_value(struct buf *b, const struct toml_node *n)
{
	put(b, n, 0);
}

bool
codex_same(const struct toml_node *a, const struct toml_node *b)
{
	CLEANUP(buf_fini) struct buf one = BUF_INIT(VALUE_MAX);
	CLEANUP(buf_fini) struct buf two = BUF_INIT(VALUE_MAX);

	if (a == NULL || b == NULL)
		return a == b;
	codex_put_value(&one, a);
	codex_put_value(&two, b);
	return !one.over && !two.over && str_eq(buf_str(&one), buf_str(&two));
}

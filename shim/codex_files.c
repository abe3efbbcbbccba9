#include "shim/codex_files.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/json/json.h"
#include "policy/toml.h"
#include "policy/upstream.h"

const char *const codex_own_keys[] = { "disable_paste_burst", "file_opener",
	"hide_agent_reasoning", "model", "model_auto_compact_token_limit",
	"model_context_window", "model_reasoning_effort", "model_reasoning_summary",
	"model_verbosity", "personality", "plan_mode_reasoning_effort",
	"project_doc_max_bytes", "review_model", "service_tier",
	"show_raw_agent_reasoning", "tui.alternate_screen", "tui.animations",
	"tui.notifications", "tui.show_tooltips", "tui.theme", NULL };

/* --- TOML, written ------------------------------------------------------------------- */

/* JSON's escapes are all TOML's too (TOML 1.0, "String"). */
static void
put_value(struct buf *b, const struct toml_node *n, int depth)
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
		put_value(b, c, depth + 1);
		if (c->next != NULL)
			buf_putc(b, ',');
	}
	buf_putc(b, table ? '}' : ']');
}

static const struct toml_node *
get(const struct toml_node *config, const char *dotted)
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

static void
carry(struct buf *b, const struct toml_node *config, const char *key)
{
	const struct toml_node *n = get(config, key);

	if (n == NULL)
		return;
	buf_printf(b, "%s = ", key);
	put_value(b, n, 0);
	buf_putc(b, '\n');
}

static const char *
text_at(const struct toml_node *config, const char *key)
{
	const struct toml_node *n = get(config, key);

	return n != NULL && n->type == TOML_STRING ? n->text.p : NULL;
}

/* --- the provider ----------------------------------------------------------------------- */

/* The table of the provider that the person chose; NULL: codex's own. */
static const struct toml_node *
chosen(const struct toml_node *config)
{
	const char *id = text_at(config, "model_provider");
	const struct toml_node *all = get(config, "model_providers");

	if (id == NULL || strcmp(id, "openai") == 0 || all == NULL)
		return NULL;
	return toml_get(all, id);
}

static int
refuse_upstream(
	const char *what, const char *value, const struct policy *pol, struct err *e)
{
	CLEANUP(mem_freep) char *shown = plan_shown_url(value);

	return err_set(e, ERR_REFUSED,
		"codex: %s in your config.toml is %s, but the policy sends this traffic to "
		"%s: put the address in [proxy] openai_upstream of ~/.pando/policy.toml, or "
		"set [proxy] codex = \"off\" there",
		what, shown, pol_upstream(pol, POL_OPENAI));
}

static bool
same_upstream(const char *theirs, const struct policy *pol)
{
	return str_eq(upstream_trimmed(str_of(theirs)),
		upstream_trimmed(str_of(pol_upstream(pol, POL_OPENAI))));
}

int
plan_codex_upstream(
	const struct toml_node *config, const struct policy *pol, struct err *e)
{
	const char *id = text_at(config, "model_provider");
	const char *url = text_at(config, "openai_base_url");
	const char *what = "openai_base_url";

	if (pol_mode_of(pol, POL_CODEX) == POL_OFF)
		return 0;
	if (id != NULL && strcmp(id, "openai") != 0) {
		what = "base_url of the model_provider";
		url = chosen(config) == NULL ? NULL : text_at(chosen(config), "base_url");
		if (url == NULL)
			return refuse_upstream("model_provider", id, pol, e);
	}
	if (url != NULL && !same_upstream(url, pol))
		return refuse_upstream(what, url, pol, e);
	return 0;
}

int
plan_codex_managed(
	const char *path, const struct toml_node *config, bool above, struct err *e)
{
	/* what stands below the command line is merged with it where it is a table */
	static const char *const merged[] = { "mcp_servers", "hooks", "plugins",
		"model_providers." CODEX_PROVIDER };
	static const char *const beats[] = { "model_provider", "model_providers",
		"model_catalog_json", "openai_base_url", "chatgpt_base_url", "features",
		"agents", "tools", "web_search", "notify", "projects" };
	const char *fault = NULL;

	for (size_t i = 0; fault == NULL && i < LEN(merged); i++)
		fault = get(config, merged[i]) != NULL ? merged[i] : NULL;
	for (size_t i = 0; above && fault == NULL && i < LEN(beats); i++)
		fault = get(config, beats[i]) != NULL ? beats[i] : NULL;
	if (fault == NULL)
		return 0;
	return err_set(e, ERR_REFUSED,
		"codex: %s in %s would move the session out of pando-ai's hands: ask who "
		"manages that file to admit pando-ai",
		fault, path);
}

/*
 * With which key: the variable of the person's own provider, or as codex itself chooses, and
 * at last the variable that codex alone would not read but that people have.
 */
static void
put_login(struct buf *b, const struct plan_facts *f)
{
	const struct toml_node *own = chosen(f->config);
	const char *name = own == NULL ? NULL : text_at(own, "env_key");

	if (name == NULL && plan_env_of(f->env, "CODEX_API_KEY") != NULL)
		name = "CODEX_API_KEY";
	if (name == NULL && !f->has_login &&
		plan_env_of(f->env, "OPENAI_API_KEY") != NULL)
		name = "OPENAI_API_KEY";
	if (name == NULL) {
		buf_puts(b, "requires_openai_auth = true\n");
		return;
	}
	buf_puts(b, "requires_openai_auth = false\nenv_key = ");
	buf_put_json(b, str_of(name));
	buf_putc(b, '\n');
}

static void
put_provider(struct buf *b, const struct plan_facts *f, const struct policy *pol)
{
	CLEANUP(mem_freep) char *url = plan_base_url(f, "/v1");

	buf_puts(b, "model_provider = \"" CODEX_PROVIDER
		    "\"\n\n[model_providers." CODEX_PROVIDER
		    "]\nname = \"Pando\"\nbase_url = ");
	buf_put_json(b, str_of(url));
	buf_printf(b, "\nwire_api = \"responses\"\nsupports_websockets = %s\n",
		pol_websocket(pol) ? "true" : "false");
	put_login(b, f);
}

int
codex_add_files(struct plan *p, const struct plan_facts *f, const struct policy *pol,
	struct err *e)
{
	static const char *const direct[] = { "model_provider", "model_providers",
		"openai_base_url", "chatgpt_base_url" };
	CLEANUP(buf_fini) struct buf b = BUF_INIT(PLAN_FILE_MAX);

	for (size_t i = 0; codex_own_keys[i] != NULL; i++)
		carry(&b, f->config, codex_own_keys[i]);
	for (size_t i = 0; f->port == 0 && i < LEN(direct); i++)
		carry(&b, f->config, direct[i]);
	if (f->port != 0)
		put_provider(&b, f, pol);
	if (b.over)
		return err_set(e, ERR_DATA, "codex: your config.toml is too large");
	plan_add_file(p, "codex/config.toml", mem_strdup(buf_text(&b)));
	plan_add_link(p, "codex/sessions", f->own_dir, "sessions");
	plan_add_link(p, "codex/auth.json", f->own_dir, "auth.json");
	if (f->has_memory)
		plan_add_link(p, "codex/AGENTS.md", f->own_dir, "AGENTS.md");
	if (f->has_prompts)
		plan_add_link(p, "codex/prompts", f->own_dir, "prompts");
	return 0;
}

/* --- the model catalog ------------------------------------------------------------------- */

static int
edit_model(json_t *model, bool with_patch)
{
	int failed = 0;

	if (!json_is_object(model))
		return -1;
	failed += json_object_set_new(model, "tool_mode", json_string("direct"));
	failed += json_object_set_new(model, "supports_search_tool", json_false());
	failed += json_object_set_new(
		model, "experimental_supported_tools", json_array());
	if (!with_patch)
		failed += json_object_set_new(
			model, "apply_patch_tool_type", json_null());
	return failed;
}

char *
codex_catalog(struct str bundled, bool with_patch, struct err *e)
{
	CLEANUP(json_freep) json_t *all = json_parse(bundled, e);
	json_t *models = json_object_get(all, "models");
	char *text;
	size_t i;
	json_t *model;

	if (all == NULL || json_array_size(models) == 0) {
		(void)err_set(e, ERR_REFUSED,
			"codex: its model catalog is not of a kind that pando-ai knows, so its "
			"own tools could not be switched off: this version is not supported");
		return NULL;
	}
	json_array_foreach(models, i, model)
	{
		if (edit_model(model, with_patch) == 0)
			continue;
		(void)err_set(e, ERR_REFUSED,
			"codex: entry %zu of its model catalog is no object", i);
		return NULL;
	}
	text = json_dumps(all, JSON_COMPACT);
	if (text == NULL)
		abort();
	return text;
}

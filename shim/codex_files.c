#include "shim/codex_files.h"

#include <stdlib.h>

#include "base/json/json.h"
#include "policy/upstream.h"
#include "shim/codex_kept.h"
#include "shim/codex_keys.h"
#include "shim/others.h"

const struct codex_link codex_links[] = { { "sessions", true, true },
	{ "archived_sessions", true, true }, { "thread-writer-locks", true, true },
	{ "auth.json", true, false }, { "history.jsonl", true, false },
	{ "session_index.jsonl", true, false }, { "AGENTS.md", false, false },
	{ "AGENTS.override.md", false, false }, { "prompts", false, false },
	{ "skills", false, false }, { "themes", false, false }, { NULL, false, false } };

/* --- the person's own ------------------------------------------------------------------- */

static void
carry(struct buf *b, const char *key, const struct toml_node *n)
{
	if (n == NULL)
		return;
	buf_printf(b, "%s = ", key);
	codex_put_value(b, n);
	buf_putc(b, '\n');
}

/* codex takes such a name from where the file with the key is, which is now another place. */
static void
carry_path(struct buf *b, const struct plan_facts *f, const char *key)
{
	const struct toml_node *n = codex_value(f, key);
	CLEANUP(mem_freep) char *path = NULL;

	if (n == NULL || n->type != TOML_STRING)
		return;
	path = strchr("/~", n->text.p[0]) != NULL
		       ? mem_strdup_str(n->text)
		       : mem_printf("%s/%s", f->own_dir, n->text.p);
	buf_printf(b, "%s = ", key);
	buf_put_json(b, str_of(path));
	buf_putc(b, '\n');
}

/* --- the provider ----------------------------------------------------------------------- */

/* The table of the provider that the person chose; NULL: codex's own. */
static const struct toml_node *
chosen(const struct toml_node *config)
{
	const char *id = codex_text(config, "model_provider");
	const struct toml_node *all = codex_get(config, "model_providers");

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
	const char *id = codex_text(config, "model_provider");
	const char *url = codex_text(config, "openai_base_url");
	const char *what = "openai_base_url";

	if (pol_mode_of(pol, POL_CODEX) == POL_OFF)
		return 0;
	if (id != NULL && strcmp(id, "openai") != 0) {
		what = "base_url of the model_provider";
		url = chosen(config) == NULL ? NULL
					     : codex_text(chosen(config), "base_url");
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
	static const char provider[] = "model_providers." CODEX_PROVIDER;
	static const char *const merged[] = { "mcp_servers", "hooks", "plugins",
		"projects", provider };
	static const char *const beats[] = { "model_provider", "model_providers",
		"model_catalog_json", "openai_base_url", "chatgpt_base_url", "features",
		"agents", "tools", "web_search", "notify", "projects" };
	const char *fault = NULL;

	for (size_t i = 0; fault == NULL && i < LEN(merged); i++)
		fault = codex_get(config, merged[i]) != NULL ? merged[i] : NULL;
	for (size_t i = 0; above && fault == NULL && i < LEN(beats); i++)
		fault = codex_get(config, beats[i]) != NULL ? beats[i] : NULL;
	if (fault == NULL)
		return 0;
	return err_set(e, ERR_REFUSED,
		"codex: %s in %s would move the session out of pando-ai's hands: ask who "
		"manages that file to admit pando-ai",
		fault, path);
}

static bool
has_key(const struct plan_facts *f, const char *variable)
{
	const char *key = plan_env_of(f->env, variable);

	return key != NULL && *key != '\0';
}

/*
 * Which provider a session has. Its id becomes part of the session, and codex resumes a session
 * only under the id that it began with: so it is the one that codex would have by itself, the
 * built-in one or the person's own. Only where codex by itself could not begin at all, since it
 * has no login and does not read the variable with the key, it is one of ours.
 */
static const char *
key_of(const struct plan_facts *f, bool tui)
{
	if (f->has_login || (!tui && has_key(f, "CODEX_API_KEY")))
		return NULL;
	if (has_key(f, "CODEX_API_KEY"))
		return "CODEX_API_KEY";
	return has_key(f, "OPENAI_API_KEY") ? "OPENAI_API_KEY" : NULL;
}

const char *
codex_provider(const struct plan_facts *f, bool tui)
{
	if (chosen(f->config) != NULL)
		return codex_text(f->config, "model_provider");
	return key_of(f, tui) != NULL ? CODEX_PROVIDER : "openai";
}

/* What of the person's own definition is no address and no program. */
static void
put_own(struct buf *b, const struct toml_node *own)
{
	static const char *const kept[] = { "name", "env_key", "env_key_instructions",
		"requires_openai_auth", "http_headers", "env_http_headers",
		"query_params", "request_max_retries", "stream_max_retries",
		"stream_idle_timeout_ms" };

	for (size_t i = 0; i < LEN(kept); i++)
		carry(b, kept[i], toml_get(own, kept[i]));
}

void
codex_put_provider(
	struct buf *b, const struct plan_facts *f, const struct policy *pol, bool tui)
{
	CLEANUP(mem_freep) char *url = plan_base_url(f, "/v1");
	CLEANUP(mem_freep) char *account = plan_base_url(f, "/backend-api/");
	const struct toml_node *own = chosen(f->config);
	const char *id = codex_provider(f, tui);
	const bool builtin = strcmp(id, "openai") == 0;

	buf_puts(b, "model_provider = ");
	buf_put_json(b, str_of(id));
	buf_puts(b, "\nchatgpt_base_url = ");
	buf_put_json(b, str_of(account));
	buf_puts(b, builtin ? "\nopenai_base_url = " : "\n\n[model_providers.");
	if (!builtin) {
		buf_put_json(b, str_of(id));
		buf_puts(b, "]\nbase_url = ");
	}
	buf_put_json(b, str_of(url));
	buf_putc(b, '\n');
	if (builtin)
		return;
	buf_printf(b, "wire_api = \"responses\"\nsupports_websockets = %s\n",
		pol_websocket(pol) ? "true" : "false");
	if (own != NULL) {
		put_own(b, own);
		return;
	}
	buf_puts(b, "name = \"Pando\"\nrequires_openai_auth = false\nenv_key = ");
	buf_put_json(b, str_of(key_of(f, tui)));
	buf_putc(b, '\n');
}

static void
carry_instructions(struct buf *b, const struct plan_facts *f)
{
	const struct toml_node *n = codex_value(f, CODEX_INSTRUCTIONS);
	const bool own = n != NULL && n->type == TOML_STRING;
	CLEANUP(mem_freep) char *both = NULL;

	if (f->docs == NULL) {
		carry(b, CODEX_INSTRUCTIONS, n);
		return;
	}
	both = mem_printf("%s%s%s", own ? n->text.p : "", own ? "\n\n" : "", f->docs);
	buf_puts(b, CODEX_INSTRUCTIONS " = ");
	buf_put_json(b, str_of(both));
	buf_putc(b, '\n');
}

static void
carry_own(struct buf *b, const struct plan_facts *f)
{
	for (size_t i = 0; codex_own_keys[i] != NULL; i++) {
		const char *key = codex_own_keys[i];

		if (strcmp(key, CODEX_INSTRUCTIONS) == 0)
			carry_instructions(b, f);
		else if (codex_is_path(key))
			carry_path(b, f, key);
		else
			carry(b, key, codex_value(f, key));
	}
}

static void
add_links(struct plan *p, const struct plan_facts *f)
{
	for (size_t i = 0; codex_links[i].name != NULL; i++)
		if (codex_links[i].always || (f->has & 1U << i) != 0)
			plan_add_link(p, codex_links[i].name, "..", codex_links[i].name);
}

int
codex_add_files(struct plan *p, const struct plan_facts *f, const struct policy *pol,
	bool tui, struct err *e)
{
	static const char *const direct[] = { "model_provider", "model_providers",
		"openai_base_url", "chatgpt_base_url" };
	CLEANUP(buf_fini) struct buf b = BUF_INIT(PLAN_FILE_MAX);
	CLEANUP(buf_fini) struct buf was = BUF_INIT(PLAN_FILE_MAX);
	CLEANUP(mem_freep) char *name = mem_printf(CODEX_OURS "%s.config.toml", f->run);
	CLEANUP(mem_freep) char *beside = mem_printf(CODEX_OURS "%s.was", f->run);

	carry_own(&b, f);
	for (size_t i = 0; f->port == 0 && i < LEN(direct); i++)
		carry(&b, direct[i], codex_get(f->config, direct[i]));
	codex_others(&b, &p->notes, f, pol);
	if (f->port != 0)
		codex_put_provider(&b, f, pol, tui);
	codex_put_was(&was, f);
	if (b.over || was.over)
		return err_set(e, ERR_DATA, "codex: your config.toml is too large");
	plan_add_file(p, name, mem_strdup(buf_text(&b)));
	plan_add_file(p, beside, mem_strdup(buf_text(&was)));
	add_links(p, f);
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

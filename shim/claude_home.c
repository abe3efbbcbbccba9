#include "shim/claude_home.h"

#include "shim/carry.h"
#include "shim/claude_choice.h"
#include "shim/claude_front.h"
#include "shim/claude_json.h"
#include "shim/memory.h"

enum { KEY_TAIL = 20 /* as much of a key as claude remembers it by */ };

/* Members of the list that are no containers; what cannot be parsed gives none. */
static json_t *
harmless(const char *from, const char *const *keys, size_t n)
{
	struct err none = ERR_INIT; /* the person's file is claude's to complain about */
	CLEANUP(json_freep) json_t *all = json_parse(str_of(from), &none);
	json_t *out = json_object();

	for (size_t i = 0; i < n; i++) {
		json_t *v = json_object_get(all, keys[i]);

		if (v != NULL && !json_is_object(v) && !json_is_array(v))
			jset(out, keys[i], json_incref(v));
	}
	return out;
}

/* The person's own, what they chose since, then a project's word on model and style. */
static void
add_settings(struct plan *p, const struct plan_facts *f)
{
	CLEANUP(json_freep) json_t *own = claude_settings_of(f->settings);
	CLEANUP(json_freep) json_t *all = json_deep_copy(own);

	claude_choice_apply(all, f->chosen);
	for (size_t i = 0; f->project_settings[i] != NULL; i++) {
		CLEANUP(json_freep)
		json_t *one = claude_settings_of_project(f->project_settings[i]);

		if (json_object_update(all, one) < 0)
			abort();
	}
	plan_add_file(p, "claude/settings.json", jdump(all));
	plan_add_kept(p, "claude/" CLAUDE_PLANNED, claude_choice_planned(own, all));
}

/*
 * The dialog asks whether the project's settings, hooks and servers may run. They are not
 * loaded here, so there is nothing to ask.
 */
static void
trust(json_t *projects, const char *dir)
{
	if (dir == NULL)
		return;
	jset(projects, dir,
		json_pack("{s:b,s:b}", "hasTrustDialogAccepted", 1,
			"hasCompletedProjectOnboarding", 1));
}

/*
 * With a key and no other login claude asks on its first start whether to use the key. That
 * answer would be lost with the run's folder and be asked for each time, though there is only
 * one. Where there is a login the question is real: the key costs money that it does not.
 */
static void
answer_first_start(json_t *all, const struct plan_facts *f)
{
	const char *key = plan_env_of(f->env, "ANTHROPIC_API_KEY");
	const size_t n = key == NULL ? 0 : strlen(key);
	json_t *tail;

	if (n == 0 || f->has_login || json_object_get(all, "oauthAccount") != NULL ||
		json_object_get(all, "customApiKeyResponses") != NULL ||
		plan_env_of(f->env, "CLAUDE_CODE_OAUTH_TOKEN") != NULL)
		return;
	tail = jtext(key + (n > KEY_TAIL ? n - KEY_TAIL : 0));
	if (tail == NULL)
		return; /* a key that is not UTF-8: claude will say what it thinks of it */
	jset(all, "customApiKeyResponses",
		json_pack("{s:[o],s:[]}", "approved", tail, "rejected"));
	jset(all, "hasCompletedOnboarding", json_true());
}

static char *
own_state(const struct plan_facts *f)
{
	static const char *const keys[] = { "numStartups", "installMethod", "autoUpdates",
		"theme", "userID", "firstStartTime", "hasCompletedOnboarding",
		"lastOnboardingVersion", "lastReleaseNotesSeen", "editorMode", "verbose",
		"autoCompactEnabled", "preferredNotifChannel", "subscriptionNoticeCount",
		"hasAvailableSubscription", "shiftEnterKeyBindingInstalled",
		"optionAsMetaKeyInstalled", "hasUsedBackslashReturn" };
	static const char *const whole[] = { "oauthAccount", "customApiKeyResponses",
		"tipsHistory" };
	struct err none = ERR_INIT; /* the person's file is claude's to complain about */
	CLEANUP(json_freep) json_t *theirs = json_parse(str_of(f->state), &none);
	CLEANUP(json_freep) json_t *all = harmless(f->state, keys, LEN(keys));
	json_t *projects = json_object();

	for (size_t i = 0; i < LEN(whole); i++) {
		json_t *v = json_object_get(theirs, whole[i]);

		if (json_is_object(v))
			jset(all, whole[i], json_incref(v));
	}
	answer_first_start(all, f);
	trust(projects, f->root);
	trust(projects, f->cwd);
	trust(projects, f->git_root);
	jset(all, "projects", projects);
	return jdump(all);
}

/* "@path" ends at a space that has no backslash. */
static void
put_import(struct buf *b, const char *path)
{
	buf_putc(b, '@');
	for (; *path != '\0'; path++) {
		if (*path == ' ')
			buf_putc(b, '\\');
		buf_putc(b, *path);
	}
	buf_putc(b, '\n');
}

static void
add_memory(struct plan *p, const struct plan_facts *f)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT(PLAN_FILE_MAX);
	CLEANUP(mem_freep) char *own = mem_printf("%s/CLAUDE.md", f->own_dir);

	if (f->has_memory)
		put_import(&b, own);
	for (size_t i = 0; f->carry != NULL && i < f->carry->rules.n; i++)
		put_import(&b, f->carry->rules.v[i]);
	if (f->root_memory != NULL)
		buf_puts(&b, f->root_memory);
	if (b.n > 0)
		plan_add_kept(p, "claude/CLAUDE.md", buf_take(&b));
}

/* --- commands, skills, agents, styles -------------------------------------------------- */

/* A skill's other files stay where they are, so its text has to say where. */
static void
put_body(struct buf *out, const struct carry_item *t, struct str body)
{
	static const char variable[] = "${CLAUDE_SKILL_DIR}";
	CLEANUP(buf_fini) struct buf whole = BUF_INIT(PLAN_FILE_MAX);
	const size_t n = sizeof variable - 1;
	const char *at;

	if (t->has_more)
		buf_printf(&whole, "(The other files of this skill are in %s%s.)\n\n",
			t->dir,
			t->project ? " of the project"
				   : ", outside of the project, where the tools of "
				     "pando_core and pando_workspace do not reach");
	while (body.n > 0 && (at = memmem(body.p, body.n, variable, n)) != NULL) {
		buf_put(&whole, body.p, (size_t)(at - body.p));
		buf_puts(&whole, t->dir);
		body = str_skip(body, (size_t)(at - body.p) + n);
	}
	buf_put_str(&whole, body);
	/* whole: what was put in could have become the path behind an "@" */
	memory_put(out, buf_str(&whole));
	out->over |= whole.over;
}

/* Agents and styles go by the name in their frontmatter; the first one holds. */
static bool
is_new(struct words *seen, const struct carry_item *t)
{
	CLEANUP(words_fini) struct words name = WORDS_INIT;
	size_t i = seen->n;

	if (t->kind != CARRY_AGENT && t->kind != CARRY_STYLE)
		return true;
	if (!claude_front_get(str_of(t->text), "name", &name) || name.n != 1)
		return true;
	words_addf(seen, "%d %s", (int)t->kind, name.v[0]);
	while (i > 0 && strcmp(seen->v[i - 1], seen->v[seen->n - 1]) != 0)
		i--;
	return i == 0;
}

/* NULL: not understood. */
static char *
carried_text(const struct carry_item *t)
{
	static const enum front_kind kinds[] = { [CARRY_COMMAND] = FRONT_COMMAND,
		[CARRY_SKILL] = FRONT_SKILL,
		[CARRY_AGENT] = FRONT_AGENT,
		[CARRY_STYLE] = FRONT_STYLE };
	CLEANUP(buf_fini) struct buf out = BUF_INIT(PLAN_FILE_MAX);
	const struct str text = str_of(t->text);

	if (t->kind == CARRY_THEME || t->kind == CARRY_KEYS) {
		struct err none = ERR_INIT; /* left out, which is told */
		CLEANUP(json_freep) json_t *all = json_parse(text, &none);

		return json_is_object(all) ? jdump(all) : NULL;
	}
	if (!claude_front_put(&out, kinds[t->kind], text))
		return NULL;
	put_body(&out, t, claude_front_body(text));
	return out.over ? NULL : buf_take(&out);
}

static void
add_carried(struct plan *p, const struct carry *c)
{
	CLEANUP(words_fini) struct words seen = WORDS_INIT;
	size_t left = c->left_out;
	const char *first = c->first_left;

	for (size_t i = 0; i < c->n; i++) {
		const struct carry_item *t = &c->item[i];
		const char *folder = carry_folder(t->kind);
		CLEANUP(mem_freep)
		char *name = *folder == '\0'
				     ? mem_printf("claude/%s", t->name)
				     : mem_printf("claude/%s/%s", folder, t->name);
		char *text;

		if (!is_new(&seen, t))
			continue;
		text = carried_text(t);
		if (text != NULL)
			plan_add_kept(p, name, text);
		else if (left++ == 0)
			first = t->name;
	}
	if (left > 0)
		words_addf(&p->notes,
			"claude: %zu of the commands, skills, agents, styles, rules and themes "
			"are left out, %s the first: see pando-shim(1), \"What is carried over\"",
			left, first);
}

static void
add_links(struct plan *p, const struct plan_facts *f)
{
	plan_add_link(p, "claude/projects", f->own_dir, "projects");
	plan_add_link(p, "claude/history.jsonl", f->own_dir, "history.jsonl");
	if (f->has_file_history)
		plan_add_link(p, "claude/file-history", f->own_dir, "file-history");
	if (f->has_plans)
		plan_add_link(p, "claude/plans", f->own_dir, "plans");
	if (f->has_todos)
		plan_add_link(p, "claude/todos", f->own_dir, "todos");
	if (f->has_login)
		plan_add_link(
			p, "claude/.credentials.json", f->own_dir, ".credentials.json");
}

void
claude_add_home(struct plan *p, const struct plan_facts *f)
{
	add_settings(p, f);
	plan_add_file(p, "claude/.claude.json", own_state(f));
	add_memory(p, f);
	if (f->carry != NULL)
		add_carried(p, f->carry);
	add_links(p, f);
}

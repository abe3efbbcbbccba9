#include "base/utf8.h"
#include "policy/keys.h"
#include "policy/reader.h"

enum { SHOWN_MAX = 1 << 20 };

/* Of a key that TOML takes without quotes. */
static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			   "0123456789_-";

struct shower {
	void (*each)(void *to, const struct pol_shown *s);
	void *to;
};

static void
show(const struct shower *w, const char *key, struct buf *value, const struct pol_file *f,
	int line)
{
	const struct pol_shown s = {
		.key = key,
		.value = buf_text(value),
		.layer = f != NULL ? f->layer : POL_BUILT_IN,
		.file = f != NULL ? f->path : "built-in",
		.line = line,
	};

	w->each(w->to, &s);
}

static void
show_setting(const struct policy *p, const struct shower *w, enum pol_setting s)
{
	CLEANUP(buf_fini) struct buf value = BUF_INIT(SHOWN_MAX);
	const struct pol_file *f = p->file[p->from[s]];
	size_t n;

	pol_value_put(&value, &p->v, s);
	show(w, pol_keys(&n)[pol_setting(s)->key].name, &value, f,
		f != NULL ? f->at[s].line : 0);
}

/*
 * As buf_put_json(), and what a terminal would act on is escaped too: DEL, U+0080 to U+009F,
 * and what turns or breaks lines (U+2028 to U+202E, U+2066 to U+2069).
 */
static void
put_quoted(struct buf *out, struct str s)
{
	CLEANUP(buf_fini) struct buf json = BUF_INIT(SHOWN_MAX);

	buf_put_json(&json, s);
	for (size_t i = 0; i < json.n;) {
		const struct str rest = { json.p + i, json.n - i };
		const size_t n = utf8_len(rest);
		const unsigned char *u = (const unsigned char *)rest.p;
		unsigned int cp = u[0];

		if (n == 2)
			cp = (u[0] & 0x1fu) << 6 | (u[1] & 0x3fu);
		else if (n == 3)
			cp = (u[0] & 0x0fu) << 12 | (u[1] & 0x3fu) << 6 | (u[2] & 0x3fu);
		if (n == 0 || pol_is_printable((struct str){ rest.p, n }))
			buf_put(out, rest.p, n > 0 ? n : 1);
		else
			buf_printf(out, "\\u%04x", cp);
		i += n > 0 ? n : 1;
	}
}

static void
put_texts(struct buf *out, char *const *texts)
{
	buf_putc(out, '[');
	for (size_t i = 0; texts[i] != NULL; i++) {
		buf_puts(out, i > 0 ? ", " : "");
		put_quoted(out, str_of(texts[i]));
	}
	buf_putc(out, ']');
}

static void
show_list(const struct shower *w, const struct pol_file *f, const struct pol_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		CLEANUP(buf_fini) struct buf value = BUF_INIT(SHOWN_MAX);
		const struct pol_item *item = &l->item[i];

		if (item->tools != NULL)
			buf_puts(&value, "{ server = ");
		put_quoted(&value, str_of(item->name));
		if (item->tools != NULL) {
			buf_puts(&value, ", tools = ");
			put_texts(&value, item->tools);
			buf_puts(&value, " }");
		}
		show(w, item->rule, &value, f, item->line);
	}
}

static void
put_matcher(struct buf *out, const struct pol_matcher *m)
{
	buf_puts(out, ", args.");
	if (m->key[strspn(m->key, bare)] == '\0')
		buf_puts(out, m->key);
	else
		put_quoted(out, str_of(m->key));
	buf_puts(out, " = ");
	switch (m->kind) {
	case POL_LITERAL:
		put_quoted(out, str_of(m->text));
		return;
	case POL_GLOB:
		buf_puts(out, "{ glob = ");
		put_quoted(out, str_of(m->text));
		break;
	case POL_PREFIX:
		buf_puts(out, "{ prefix = ");
		put_texts(out, m->prefix.token);
		break;
	case POL_UNDER:
		buf_puts(out, "{ path_under = ");
		put_quoted(out, str_of(m->text));
		break;
	case POL_MATCHERS:
		return;
	}
	buf_puts(out, " }");
}

static void
put_text(struct buf *out, const char *key, const char *text)
{
	if (text == NULL)
		return;
	buf_printf(out, ", %s = ", key);
	put_quoted(out, str_of(text));
}

static void
put_agents(struct buf *out, const struct pol_rule *r)
{
	for (int a = 0; a < POL_AGENTS; a++)
		if (r->agents == 1u << a)
			put_text(out, "agent", pol_agent_name((enum pol_agent)a));
}

static void
show_rule(const struct shower *w, const struct pol_file *f, const struct pol_rule *r)
{
	CLEANUP(buf_fini) struct buf value = BUF_INIT(SHOWN_MAX);
	CLEANUP(mem_freep) char *key = mem_printf("rule.%s", r->id);
	CLEANUP(mem_freep) char *tool = mem_printf("%s/%s", r->server, r->tool);

	buf_puts(&value, "{ tool = ");
	put_quoted(&value, str_of(tool));
	put_agents(&value, r);
	put_text(&value, "subagent", r->subagent);
	for (size_t i = 0; i < r->nargs; i++)
		put_matcher(&value, &r->arg[i]);
	put_text(&value, "decision", pol_verdict_name(r->verdict));
	put_text(&value, "message", r->message);
	buf_puts(&value, " }");
	show(w, key, &value, f, r->line);
}

static void
show_price(
	const struct shower *w, const struct pol_file *f, const struct pol_price_row *p)
{
	static const char *const names[POL_PRICES] = { "input", "output", "cache_read",
		"cache_write", "cache_write_1h" };
	CLEANUP(buf_fini) struct buf value = BUF_INIT(SHOWN_MAX);
	CLEANUP(mem_freep) char *key = mem_printf("price[%zu]", (size_t)(p - f->price));

	buf_puts(&value, "{ model = ");
	put_quoted(&value, str_of(p->model));
	for (int i = 0; i < POL_PRICES; i++) {
		if (p->usd[i] < 0)
			continue;
		buf_printf(&value, ", %s = ", names[i]);
		pol_usd_put(&value, p->usd[i]);
	}
	buf_puts(&value, " }");
	show(w, key, &value, f, p->line);
}

static void
show_prices(const struct shower *w, const struct pol_file *f)
{
	for (size_t i = 0; f != NULL && i < f->nprices; i++)
		show_price(w, f, &f->price[i]);
}

static const struct pol_list *
list_of(const struct pol_file *f, enum pol_key_id id)
{
	if (id == KEY_NATIVE_ALLOW)
		return &f->native_allow;
	if (id == KEY_NATIVE_DENY)
		return &f->native_deny;
	if (id == KEY_OTHER_SERVERS)
		return &f->other_servers;
	if (id == KEY_READ_ONLY)
		return &f->read_only;
	if (id == KEY_SUBCOMMANDS)
		return &f->subcommands;
	return id == KEY_WRITABLE ? &f->writable : NULL;
}

void
pol_show(const struct policy *p, void (*each)(void *to, const struct pol_shown *s),
	void *to)
{
	const struct shower w = { each, to };

	for (int id = 0; id < POL_KEY_IDS; id++) {
		const enum pol_setting s = pol_setting_of((enum pol_key_id)id);

		if (s != POL_SETTINGS)
			show_setting(p, &w, s);
		for (int l = POL_MANAGED; l < POL_LAYERS; l++) {
			const struct pol_list *list = p->file[l] == NULL
							      ? NULL
							      : list_of(p->file[l],
									(enum pol_key_id)
										id);

			if (list != NULL)
				show_list(&w, p->file[l], list);
		}
	}
	for (int l = POL_MANAGED; l < POL_LAYERS; l++)
		show_prices(&w, p->file[l]);
	for (int l = POL_MANAGED; l < POL_LAYERS; l++)
		for (size_t i = 0; p->file[l] != NULL && i < p->file[l]->nrules; i++)
			show_rule(&w, p->file[l], &p->file[l]->rule[i]);
}

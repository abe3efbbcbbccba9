#include "gateway/usage.h"

enum { DIGITS_MAX = 10, NUMBER_BASE = 10 };

void
gw_used_init(struct gw_used *u)
{
	u->wanted.n = u->served.n = 0;
	u->wrong = false;
	for (int i = 0; i < GW_COUNTS; i++)
		u->n[i] = GW_UNKNOWN;
}

int64_t
gw_used_tokens(const struct gw_used *u)
{
	static const enum gw_count all[] = { GW_IN, GW_OUT, GW_CACHE_READ,
		GW_CACHE_WRITE };
	int64_t sum = GW_UNKNOWN;

	for (size_t i = 0; i < LEN(all); i++)
		if (u->n[all[i]] >= 0)
			sum = (sum < 0 ? 0 : sum) + u->n[all[i]];
	return sum;
}

/* Digits only: what is written as a fraction or with an exponent is no count. */
static int64_t
count_of(struct js v)
{
	int64_t n = 0;

	if (v.type != JS_NUMBER || v.raw.n > DIGITS_MAX)
		return GW_UNKNOWN;
	for (size_t i = 0; i < v.raw.n; i++) {
		if (v.raw.p[i] < '0' || v.raw.p[i] > '9')
			return GW_UNKNOWN;
		n = n * NUMBER_BASE + (v.raw.p[i] - '0');
	}
	return n <= GW_COUNT_MAX ? n : GW_UNKNOWN;
}

static bool
is_there(struct js v)
{
	return v.type != JS_NONE && v.type != JS_NULL;
}

static int64_t
read_count(struct gw_used *u, struct js v)
{
	const int64_t n = count_of(v);

	u->wrong = u->wrong || (n < 0 && is_there(v));
	return n;
}

/* Counts of one answer only grow: an event that says less has left something out. */
static void
raise(struct gw_used *u, enum gw_count c, int64_t n)
{
	if (n > u->n[c])
		u->n[c] = n;
}

/* False: there is nothing to read. */
static bool
read_fields(struct gw_used *u, struct js v, struct js_field *f, size_t n)
{
	struct err unread = ERR_INIT; /* then nothing of it counts */

	if (!is_there(v))
		return false;
	if (v.type == JS_OBJECT && js_fields(v, f, n, &unread) == 0)
		return true;
	u->wrong = true;
	return false;
}

/* A name that is none is not known: nothing is decided by it but a price. */
static void
read_model(struct gw_name *to, struct js v)
{
	struct err unread = ERR_INIT;

	if (v.type == JS_STRING && gw_name_read(v, to, &unread) < 0)
		to->n = 0;
}

static void
read_kept(struct gw_used *u, struct js kept)
{
	struct js_field f[] = { JS_FIELD("ephemeral_5m_input_tokens"),
		JS_FIELD("ephemeral_1h_input_tokens") };
	int64_t minutes, hour;

	if (!read_fields(u, kept, f, LEN(f)))
		return;
	minutes = read_count(u, f[0].m.val);
	hour = read_count(u, f[1].m.val);
	raise(u, GW_CACHE_WRITE_1H, hour);
	if (minutes >= 0 || hour >= 0)
		raise(u, GW_CACHE_WRITE,
			(minutes > 0 ? minutes : 0) + (hour > 0 ? hour : 0));
}

static void
read_message(struct gw_used *u, struct js usage)
{
	struct js_field f[] = { JS_FIELD("input_tokens"), JS_FIELD("output_tokens"),
		JS_FIELD("cache_read_input_tokens"),
		JS_FIELD("cache_creation_input_tokens"), JS_FIELD("cache_creation") };
	static const enum gw_count to[] = { GW_IN, GW_OUT, GW_CACHE_READ,
		GW_CACHE_WRITE };

	if (!read_fields(u, usage, f, LEN(f)))
		return;
	for (size_t i = 0; i < LEN(to); i++)
		raise(u, to[i], read_count(u, f[i].m.val));
	read_kept(u, f[LEN(to)].m.val);
}

void
gw_meter_asked(struct gw_meter *m, struct js model)
{
	if (m != NULL)
		read_model(&m->used.wanted, model);
}

void
gw_meter_message(struct gw_meter *m, struct js model, struct js usage)
{
	if (m == NULL)
		return;
	read_model(&m->used.served, model);
	read_message(&m->used, usage);
}

void
gw_meter_delta(struct gw_meter *m, struct str data)
{
	struct js_field f[] = { JS_FIELD("usage") };
	struct err unread = ERR_INIT; /* whoever passes the event on refuses it */
	struct js root;

	if (m != NULL && js_check(data, &root, &unread) == 0 &&
		read_fields(&m->used, root, f, LEN(f)))
		read_message(&m->used, f[0].m.val);
}

static int64_t
read_detail(struct gw_used *u, struct js details, const char *name)
{
	struct js_field f[] = { JS_FIELD(name) };

	return read_fields(u, details, f, LEN(f)) ? read_count(u, f[0].m.val)
						  : GW_UNKNOWN;
}

void
gw_meter_response(struct gw_meter *m, struct js model, struct js usage)
{
	struct js_field f[] = { JS_FIELD("input_tokens"),
		JS_FIELD("input_tokens_details"), JS_FIELD("output_tokens"),
		JS_FIELD("output_tokens_details") };
	struct gw_used *const u = m == NULL ? NULL : &m->used;
	int64_t in, cached;

	if (u == NULL)
		return;
	read_model(&u->served, model);
	if (!read_fields(u, usage, f, LEN(f)))
		return;
	in = read_count(u, f[0].m.val);
	cached = read_detail(u, f[1].m.val, "cached_tokens");
	if (cached > in) {
		u->wrong = true;
		cached = GW_UNKNOWN;
	}
	raise(u, GW_CACHE_READ, cached);
	raise(u, GW_IN, cached > 0 ? in - cached : in);
	raise(u, GW_OUT, read_count(u, f[2].m.val));
	raise(u, GW_REASONING, read_detail(u, f[3].m.val, "reasoning_tokens"));
}

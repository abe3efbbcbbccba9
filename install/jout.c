#include "install/jout.h"

#include <inttypes.h>
#include <stdio.h>

void
jout_fini(struct jout *j)
{
	buf_fini(&j->b);
}

static void
begin(struct jout *j, const char *key)
{
	if (j->comma)
		buf_putc(&j->b, ',');
	j->comma = true;
	if (key == NULL)
		return;
	buf_put_json(&j->b, str_of(key));
	buf_putc(&j->b, ':');
}

void
jout_open(struct jout *j, const char *key, char bracket)
{
	begin(j, key);
	buf_putc(&j->b, bracket);
	j->comma = false;
}

void
jout_close(struct jout *j, char bracket)
{
	buf_putc(&j->b, bracket);
	j->comma = true;
}

void
jout_str(struct jout *j, const char *key, struct str s)
{
	begin(j, key);
	buf_put_json(&j->b, s);
}

void
jout_text(struct jout *j, const char *key, const char *z)
{
	if (z == NULL)
		jout_raw(j, key, STR("null"));
	else
		jout_str(j, key, str_of(z));
}

void
jout_int(struct jout *j, const char *key, int64_t v)
{
	begin(j, key);
	buf_printf(&j->b, "%" PRId64, v);
}

void
jout_bool(struct jout *j, const char *key, bool v)
{
	jout_raw(j, key, v ? STR("true") : STR("false"));
}

void
jout_raw(struct jout *j, const char *key, struct str json)
{
	begin(j, key);
	buf_put_str(&j->b, json);
}

int
jout_print(struct jout *j, struct err *e)
{
	if (j->b.over)
		return err_set(e, ERR_DATA, "the answer is too long");
	buf_putc(&j->b, '\n');
	(void)fwrite(j->b.p, 1, j->b.n, stdout); /* main looks at the stream's state */
	return 0;
}

#include "policy/bundle.h"

#include <stdlib.h>

#include "policy/layers.h"

enum { PATH_BYTES_MAX = 4096, DIGITS_MAX = 8, DECIMAL = 10 };

#define HEAD "pando-policy 1\n"
#define TAIL "end\n"

void
bundle_fini(struct bundle *b)
{
	free(b->root);
	for (size_t i = 0; i < POL_LAYERS; i++)
		free(b->path[i]);
	*b = (struct bundle){ .root = NULL };
}

void
pol_bundle(const struct policy *p, struct buf *out)
{
	struct pol_text text[POL_LAYERS];
	const size_t n = pol_texts(p, text);
	const char *root = pol_root(p);

	buf_puts(out, HEAD);
	if (root == NULL)
		buf_puts(out, "root -\n");
	else
		buf_printf(out, "root %zu\n%s\n", strlen(root), root);
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "%s %zu %zu\n%s\n", pol_layer_name(text[i].layer),
			strlen(text[i].path), text[i].text.n, text[i].path);
		buf_put_str(out, text[i].text);
		buf_putc(out, '\n');
	}
	buf_puts(out, TAIL);
}

static bool
take(struct str *in, struct str want)
{
	if (!str_starts(*in, want))
		return false;
	*in = str_skip(*in, want.n);
	return true;
}

static bool
take_number(struct str *in, size_t max, size_t *to)
{
	size_t digits = 0;

	*to = 0;
	while (digits < in->n && in->p[digits] >= '0' && in->p[digits] <= '9') {
		if (digits == DIGITS_MAX)
			return false;
		*to = *to * DECIMAL + (size_t)(in->p[digits++] - '0');
	}
	if (digits == 0 || (digits > 1 && in->p[0] == '0') || *to > max)
		return false;
	*in = str_skip(*in, digits);
	return true;
}

/* So many bytes, and the newline behind them. */
static bool
take_bytes(struct str *in, size_t n, struct str *to)
{
	if (in->n <= n || in->p[n] != '\n')
		return false;
	*to = (struct str){ in->p, n };
	*in = str_skip(*in, n + 1);
	return true;
}

static char *
take_path(struct str *in, size_t n)
{
	struct str path;

	if (n == 0 || !take_bytes(in, n, &path) || memchr(path.p, '\0', n) != NULL)
		return NULL;
	return mem_strdup_str(path);
}

static bool
take_root(struct str *in, char **root)
{
	size_t n;

	if (!take(in, STR("root ")))
		return false;
	if (take(in, STR("-\n")))
		return true;
	if (!take_number(in, PATH_BYTES_MAX, &n) || !take(in, STR("\n")))
		return false;
	*root = take_path(in, n);
	return *root != NULL && **root == '/';
}

static bool
take_layer(struct bundle *b, struct str *in, enum pol_layer l)
{
	struct pol_text *t = &b->text[b->n];
	size_t path, text;

	if (!take(in, STR(" ")) || !take_number(in, PATH_BYTES_MAX, &path) ||
		!take(in, STR(" ")) || !take_number(in, POL_FILE_MAX, &text) ||
		!take(in, STR("\n")))
		return false;
	b->path[b->n] = take_path(in, path);
	if (b->path[b->n] == NULL)
		return false;
	*t = (struct pol_text){ .layer = l, .path = b->path[b->n] };
	b->n++;
	return take_bytes(in, text, &t->text);
}

static bool
take_all(struct bundle *b, struct str *in)
{
	if (!take(in, STR(HEAD)) || !take_root(in, &b->root))
		return false;
	for (int l = POL_MANAGED; l < POL_LAYERS; l++)
		if (take(in, str_of(pol_layer_name((enum pol_layer)l))) &&
			!take_layer(b, in, (enum pol_layer)l))
			return false;
	return take(in, STR(TAIL)) && in->n == 0;
}

int
bundle_read(struct bundle *b, struct str from, struct err *e)
{
	struct str rest = from;

	if (take_all(b, &rest))
		return 0;
	return err_set(e, ERR_POLICY,
		"not a policy of a run: byte %zu is not what must stand there",
		from.n - rest.n);
}

struct policy *
pol_of_bundle(struct str text, const char *name, struct err *e)
{
	CLEANUP(bundle_fini) struct bundle b = { .root = NULL };

	if (bundle_read(&b, text, e) < 0) {
		(void)err_wrap(e, "%s", name);
		return NULL;
	}
	return pol_of_texts(b.text, b.n, b.root, e);
}

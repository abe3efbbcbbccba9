/* The only C++ file: toml++ behind the C face of policy/toml.h. */

#include <stdexcept>

/*
 * The parser of toml++ 3.3 asserts in places that bad text can reach ("[=" does): an assert
 * is a refusal of the text, not the end of the program.
 */
struct toml_surprise : std::runtime_error {
	toml_surprise() : std::runtime_error("this is not TOML")
	{
	}
};
#define TOML_ASSERT(expr) ((expr) ? (void)0 : throw toml_surprise())

/* With exceptions: without them the parser of 3.3 goes on after an error, into its asserts. */
#define TOML_EXCEPTIONS 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES                                                           \
	32 /* a cheap first bound; TOML_DEPTH_MAX is the real one */

#include <algorithm>
#include <string_view>
#include <vector>

#include <toml++/toml.h>

extern "C" {
#include "base/mem.h"
#include "policy/toml.h"
}

namespace
{

struct builder {
	const char *file;
	struct err *e;
	size_t nodes;
};

bool
fail(builder &b, const toml::source_position &at, const char *what)
{
	(void)err_set(b.e, ERR_POLICY, "%s:%u:%u: %s", b.file,
		static_cast<unsigned>(at.line), static_cast<unsigned>(at.column), what);
	return false;
}

bool fill(builder &b, const toml::node &from, struct toml_node *to, int depth);

struct toml_node *
add(struct toml_node *parent, struct toml_node **last)
{
	auto *n = static_cast<struct toml_node *>(mem_alloc(sizeof(struct toml_node)));

	if (*last == nullptr)
		parent->child = n;
	else
		(*last)->next = n;
	*last = n;
	return n;
}

void
set_place(struct toml_node *n, const toml::source_position &at)
{
	n->line = static_cast<int>(at.line);
	n->column = static_cast<int>(at.column);
}

bool
fill_table(builder &b, const toml::table &from, struct toml_node *to, int depth)
{
	std::vector<std::pair<const toml::key *, const toml::node *>> members;
	struct toml_node *last = nullptr;

	for (auto &&[key, value] : from)
		members.emplace_back(&key, &value);
	std::sort(members.begin(), members.end(), [](const auto &x, const auto &y) {
		return x.first->source().begin < y.first->source().begin;
	});
	for (auto &[key, value] : members) {
		const std::string_view name = key->str();
		struct toml_node *n = add(to, &last);

		if (name.find('\0') != std::string_view::npos)
			return fail(b, key->source().begin, "a key may not hold U+0000");
		n->key = mem_strdup_str({ name.data(), name.size() });
		if (!fill(b, *value, n, depth + 1))
			return false;
		set_place(n, key->source().begin);
	}
	return true;
}

bool
fill_array(builder &b, const toml::array &from, struct toml_node *to, int depth)
{
	struct toml_node *last = nullptr;

	for (const toml::node &value : from)
		if (!fill(b, value, add(to, &last), depth + 1))
			return false;
	return true;
}

bool
fill_value(builder &b, const toml::node &from, struct toml_node *to)
{
	if (const auto *s = from.as_string()) {
		to->type = TOML_STRING;
		to->text.p = mem_strdup_str({ (*s)->data(), (*s)->size() });
		to->text.n = (*s)->size();
	} else if (const auto *i = from.as_integer()) {
		to->type = TOML_INT;
		to->integer = i->get();
	} else if (const auto *f = from.as_floating_point()) {
		to->type = TOML_FLOAT;
		to->number = f->get();
	} else if (const auto *t = from.as_boolean()) {
		to->type = TOML_BOOL;
		to->truth = t->get();
	} else {
		return fail(b, from.source().begin, "dates and times are not used here");
	}
	return true;
}

bool
fill(builder &b, const toml::node &from, struct toml_node *to, int depth)
{
	set_place(to, from.source().begin);
	if (depth > TOML_DEPTH_MAX)
		return fail(b, from.source().begin, "nested too deep");
	if (++b.nodes > TOML_NODES_MAX)
		return fail(b, from.source().begin, "too many values");
	if (const auto *t = from.as_table()) {
		to->type = TOML_TABLE;
		return fill_table(b, *t, to, depth);
	}
	if (const auto *a = from.as_array()) {
		to->type = TOML_ARRAY;
		return fill_array(b, *a, to, depth);
	}
	return fill_value(b, from, to);
}

} // namespace

namespace
{

bool
surprises(std::string_view text)
{
	try {
		(void)toml::parse(text);
	} catch (const toml_surprise &) {
		return true;
	} catch (const std::exception &) {
		return false;
	}
	return false;
}

/* The first line with which the text surprises: what stands before it parses the same way. */
toml::source_position
find_surprise(std::string_view text)
{
	std::vector<size_t> ends; /* of each line */
	size_t low = 0;

	for (size_t i = 0; i < text.size(); i++)
		if (text[i] == '\n' || i + 1 == text.size())
			ends.push_back(i + 1);
	for (size_t high = ends.size(); low < high;) {
		const size_t middle = low + (high - low) / 2;

		if (surprises(text.substr(0, ends[middle])))
			high = middle;
		else
			low = middle + 1;
	}
	return { static_cast<toml::source_index>(low + 1), 1 };
}

/* The usual slips of a person, by what toml++ says of them. */
const char *
what_to_do(std::string_view what)
{
	static const struct {
		std::string_view says;
		const char *hint;
	} hints[] = {
		{ "could not determine value type",
			"; a text stands in quotes: \"deny\"" },
		{ "unescaped control characters", "; close the quote in the same line" },
		{ "cannot redefine existing table", "; write its keys below one header" },
		{ "cannot redefine existing", "; remove one of the two" },
		{ "encountered end-of-file", "; close what was opened: ], } or a quote" },
		{ "expected '=', saw ':'", "; write key = value" },
	};

	for (const auto &h : hints)
		if (what.find(h.says) != std::string_view::npos)
			return h.hint;
	return "";
}

/* Where the string that begins at i is over: behind it, or where it is not one any more. */
size_t
skip_string(std::string_view text, size_t i)
{
	const std::string quotes(3, text[i]);
	const char quote = text[i];
	const bool is_long = text.substr(i, 3) == quotes;

	i += is_long ? 3 : 1;
	while (i < text.size()) {
		if (text[i] == '\\' && quote == '"')
			i += 2;
		else if (is_long && text.substr(i, 3) == quotes)
			return std::min(text.find_first_not_of(quote, i), text.size());
		else if (!is_long && (text[i] == quote || text[i] == '\n'))
			return i + 1;
		else
			i++;
	}
	return text.size();
}

/*
 * The end of the first key with too many parts: toml++ makes a table of each and takes them
 * down by recursion, which ends in a stack that is too small. What toml++ refuses before that
 * place need not be understood here.
 */
size_t
find_long_key(std::string_view text)
{
	size_t parts = 1;

	for (size_t i = 0; i < text.size();) {
		const char c = text[i];

		if (c == '"' || c == '\'') {
			i = skip_string(text, i);
			continue;
		}
		if (c == '#')
			i = std::min(text.find('\n', i), text.size());
		else if (std::string_view("\n=,[]{}").find(c) != std::string_view::npos)
			parts = 1;
		else if (c == '.' && ++parts > TOML_PARTS_MAX)
			return i;
		i++;
	}
	return text.size();
}

toml::source_position
place_of(std::string_view text, size_t at)
{
	const std::string_view before = text.substr(0, at);
	const size_t newline = before.rfind('\n');
	const auto line = std::count(before.begin(), before.end(), '\n') + 1;

	return { static_cast<toml::source_index>(line),
		static_cast<toml::source_index>(
			newline == std::string_view::npos ? at + 1 : at - newline) };
}

bool
parse_into(builder &b, std::string_view text, struct toml_node *root)
{
	const size_t bad = find_long_key(text);

	if (bad < text.size())
		return fail(b, place_of(text, bad), "the key has too many parts");
	try {
		return fill(b, toml::parse(text), root, 0);
	} catch (const toml::parse_error &why) {
		const std::string what(why.description());

		return fail(b, why.source().begin, (what + what_to_do(what)).c_str());
	} catch (const std::exception &why) {
		return fail(b, find_surprise(text), why.what());
	}
}

} // namespace

extern "C" struct toml_node *
toml_parse(struct str text, const char *file, struct err *e)
{
	builder b{ file, e, 0 };
	struct toml_node *root;

	if (text.n > TOML_TEXT_MAX) {
		(void)err_set(e, ERR_POLICY, "%s:1:1: longer than %d bytes", file,
			static_cast<int>(TOML_TEXT_MAX));
		return nullptr;
	}
	root = static_cast<struct toml_node *>(mem_alloc(sizeof *root));
	if (parse_into(b, std::string_view(text.n > 0 ? text.p : "", text.n), root))
		return root;
	toml_free(root);
	return nullptr;
}

extern "C" void
toml_free(struct toml_node *n)
{
	while (n != nullptr) {
		struct toml_node *next = n->next;

		toml_free(n->child);
		free(n->key);
		free(const_cast<char *>(n->text.p));
		free(n);
		n = next;
	}
}

extern "C" const struct toml_node *
toml_get(const struct toml_node *table, const char *key)
{
	const struct toml_node *n = table == nullptr ? nullptr : table->child;

	while (n != nullptr && (n->key == nullptr || strcmp(n->key, key) != 0))
		n = n->next;
	return n;
}

extern "C" const char *
toml_type_name(enum toml_type t)
{
	static const char *const names[TOML_TYPES] = { "a table", "an array", "a string",
		"a whole number", "a number with a fraction", "true or false" };

	return names[t];
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* An account as text, or as a JSON object on a line. */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "explain.h"

#define WIDTH 100

static const char *const keys[FACT_COUNT] = {
	[FACT_ESR] = "esr",   [FACT_NISV] = "nisv", [FACT_IPA] = "ipa", [FACT_FAR] = "far", [FACT_PC] = "pc",
	[FACT_INSN] = "insn", [FACT_PFN] = "pfn",   [FACT_HVA] = "hva", [FACT_PID] = "pid",
};

/* A paragraph under a heading, broken at spaces. */
static void paragraph(const char *heading, const char *text)
{
	size_t column = 0, indent = 12;

	printf("  %-*s", (int)indent - 2, heading);
	column = indent;
	while (*text) {
		size_t word = strcspn(text, " ");

		if (column > indent && column + 1 + word > WIDTH) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		} else if (column > indent) {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)word, text);
		column += word;
		text += word;
		text += *text == ' ';
	}
	putchar('\n');
}

static void print_syndrome(const char *heading, enum sv_syndrome kind, uint64_t value)
{
	struct sv_field field;
	unsigned cursor = 0;

	printf("  %-10s0x%08" PRIx64 "\n", heading, value);
	while (sv_syndrome_field(kind, value, &cursor, &field)) {
		char bits[16];

		snprintf(bits, sizeof(bits), field.high == field.low ? "[%u]" : "[%u:%u]", field.high,
			 field.low);
		printf("    %-11s %-8s 0x%-*" PRIx64 "%s%s\n", field.name, bits, *field.text ? 6 : 0,
		       field.value, *field.text ? " " : "", field.text);
	}
}

static void print_addresses(const struct incident *incident)
{
	static const struct {
		uint8_t fact;
		const char *heading;
	} rows[] = {
		{FACT_IPA, "address"}, {FACT_FAR, "virtual"}, {FACT_PFN, "host pfn"}, {FACT_HVA, "host va"}};

	if (knows(incident, FACT_PC) || incident->symbol[0])
		printf("  %-10s", "pc");
	if (knows(incident, FACT_PC))
		printf("0x%08" PRIx64 "%s", incident->facts[FACT_PC], incident->symbol[0] ? " " : "\n");
	if (incident->symbol[0])
		printf("%s\n", incident->symbol);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (knows(incident, rows[i].fact))
			printf("  %-10s0x%08" PRIx64 "\n", rows[i].heading, incident->facts[rows[i].fact]);
}

void explain_print(const struct account *account, size_t number, size_t of)
{
	const struct incident *incident = account->incident;

	if (number > 1)
		putchar('\n');
	if (of > 1)
		printf("incident %zu of %zu: ", number, of);
	printf("%s\n", account->title);
	if (incident->line) {
		if (incident->count > 1)
			printf("  %-10s%lu, %lu times in all\n", "line", incident->line, incident->count);
		else
			printf("  %-10s%lu\n", "line", incident->line);
		paragraph("message", incident->quote);
	}
	print_addresses(incident);
	if (account->has_va)
		printf("  %-10s0x%08" PRIx64 " is what the registers in the log make of the instruction\n",
		       "access", account->va);
	if (knows(incident, FACT_ESR))
		print_syndrome("esr", SV_SYNDROME_ESR, incident->facts[FACT_ESR]);
	if (knows(incident, FACT_NISV))
		print_syndrome("esr_iss", SV_SYNDROME_NISV, incident->facts[FACT_NISV]);
	if (account->instruction)
		paragraph("insn", account->instruction);
	if (*account->why)
		paragraph("why", account->why);
	if (account->origin)
		paragraph("", account->origin);
	if (account->where)
		paragraph("place", account->where);
	if (account->would)
		paragraph("salvage", account->would);
	for (size_t i = 0; i < account->todo_count; i++)
		paragraph(i ? "" : "to do", account->todo[i]);
}

static json_t *hex(uint64_t value)
{
	return json_sprintf("0x%" PRIx64, value);
}

static json_t *json_syndrome(enum sv_syndrome kind, uint64_t value)
{
	json_t *fields = json_array();
	struct sv_field field;
	unsigned cursor = 0;

	while (sv_syndrome_field(kind, value, &cursor, &field))
		json_array_append_new(fields, json_pack("{s:s, s:i, s:i, s:o, s:s}", "name", field.name,
							"high", field.high, "low", field.low, "value",
							hex(field.value), "text", field.text));
	return fields;
}

static json_t *json_region(const struct place_region *region)
{
	return json_pack("{s:s, s:o, s:o, s:b}", "path", region->path, "first", hex(region->first), "last",
			 hex(region->last), "disabled", region->disabled);
}

static json_t *json_place(const struct account *account)
{
	static const char *const kinds[] = {[PLACE_NONE] = "none",
					    [PLACE_DEVICE] = "device",
					    [PLACE_PCI] = "pci",
					    [PLACE_MEMORY] = "memory",
					    [PLACE_HOLE] = "hole"};
	static const char *const guesses[] = {[GUESS_NONE] = "",
					      [GUESS_UNTRANSLATED] = "untranslated",
					      [GUESS_HIGH_BITS] = "high-bits",
					      [GUESS_DIGIT] = "digit",
					      [GUESS_ONE_BIT] = "one-bit",
					      [GUESS_ONE_DIGIT] = "one-digit"};
	const struct place *place = &account->place;
	json_t *object = json_pack("{s:s, s:o, s:b}", "kind", kinds[place->kind], "address",
				   hex(account->address), "assumed", account->assumed);

	if (place->kind != PLACE_HOLE)
		json_object_set_new(object, "node", json_region(&place->at));
	if (place->kind == PLACE_HOLE && place->below_known)
		json_object_set_new(object, "below", json_region(&place->below));
	if (place->kind == PLACE_HOLE && place->above_known)
		json_object_set_new(object, "above", json_region(&place->above));
	if (place->kind == PLACE_HOLE && place->guess != GUESS_NONE) {
		json_object_set_new(object, "guess", json_string(guesses[place->guess]));
		json_object_set_new(object, "guessed", json_region(&place->guessed));
	}
	return object;
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(object, key, json_string(text));
}

bool explain_print_json(const struct account *account)
{
	const struct incident *incident = account->incident;
	json_t *object = json_object(), *todo = json_array();
	int failed;

	set_text(object, "situation", account->situation);
	set_text(object, "title", account->title);
	if (incident->line) {
		json_object_set_new(object, "line", json_integer((json_int_t)incident->line));
		json_object_set_new(object, "count", json_integer((json_int_t)incident->count));
		set_text(object, "message", incident->quote);
	}
	for (unsigned fact = 0; fact < FACT_COUNT; fact++)
		if (knows(incident, fact))
			json_object_set_new(object, keys[fact], hex(incident->facts[fact]));
	set_text(object, "symbol", incident->symbol);
	if (account->has_va)
		json_object_set_new(object, "va", hex(account->va));
	if (knows(incident, FACT_ESR))
		json_object_set_new(object, "syndrome",
				    json_syndrome(SV_SYNDROME_ESR, incident->facts[FACT_ESR]));
	else if (knows(incident, FACT_NISV))
		json_object_set_new(object, "syndrome",
				    json_syndrome(SV_SYNDROME_NISV, incident->facts[FACT_NISV]));
	set_text(object, "text", account->disassembly);
	if (account->kind)
		set_text(object, "kind", account->kind->name);
	if (account->decoded) {
		set_text(object, "class", sv_class_name(account->insn.row->iclass));
		json_object_set_new(object, "isv", json_boolean(account->insn.row->flags & SV_ROW_ISV));
	}
	set_text(object, "instruction", account->instruction);
	set_text(object, "why", account->why);
	set_text(object, "origin", account->origin);
	if (account->placed)
		json_object_set_new(object, "place", json_place(account));
	set_text(object, "where", account->where);
	if (account->cause != SV_CAUSE_COUNT) {
		set_text(object, "cause", sv_cause_name(account->cause));
		set_text(object, "action", sv_action_name(account->rule.action));
		set_text(object, "rule", account->rule.text);
	}
	set_text(object, "would", account->would);
	for (size_t i = 0; i < account->todo_count; i++)
		json_array_append_new(todo, json_string(account->todo[i]));
	json_object_set_new(object, "todo", todo);
	failed = !object || json_dumpf(object, stdout, JSON_COMPACT);
	json_decref(object);
	putchar('\n');
	return !failed;
}

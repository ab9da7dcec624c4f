/* SPDX-License-Identifier: BSD-2-Clause */
/* The findings for people, and as JSON for programs. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lint.h"

#define LEVELS 4

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

/* "fill (in guest_main+0x38) at driver.c:28" as far as it is known. */
static void print_place(const struct lint_found *found, FILE *out)
{
	const struct lint_place *place = &found->place;
	size_t length = strlen(place->function);
	bool inside = *place->function && strncmp(place->symbol, place->function, length);

	if (!found->has_pc) {
		fputs("somewhere", out);
		return;
	}
	if (inside && *place->symbol)
		fprintf(out, "%s (inlined into %s)", place->function, place->symbol);
	else if (*place->symbol || *place->function)
		fputs(*place->symbol ? place->symbol : place->function, out);
	else
		fprintf(out, "pc 0x%" PRIx64, found->pc);
	if (*place->file)
		fprintf(out, " at %s:%d", place->file, place->line);
}

static void print_neighbours(const struct lint_found *found, FILE *out)
{
	if (found->below)
		fprintf(out, ", 0x%" PRIx64 " after the end of %s", found->address - found->below->last - 1,
			found->below->name);
	if (found->above)
		fprintf(out, "%s 0x%" PRIx64 " before %s", found->below ? " and" : ",",
			found->above->first - found->address, found->above->name);
}

static void print_target(const struct lint_found *found, FILE *out)
{
	if (found->kind == LINT_HOLE) {
		fputs("a hole", out);
	} else {
		fputs(*found->device ? found->device : "a device without a name", out);
		if (found->has_offset) {
			fprintf(out, "+0x%" PRIx64, found->offset);
			if (found->offset_last != found->offset)
				fprintf(out, "..0x%" PRIx64, found->offset_last);
		}
	}
	if (found->has_address) {
		fprintf(out, " (0x%08" PRIx64, found->address);
		if (found->address_last != found->address)
			fprintf(out, "..0x%08" PRIx64, found->address_last);
		fputc(')', out);
	} else if (found->has_va) {
		fprintf(out, " (virtual 0x%" PRIx64 ")", found->va);
	}
	if (found->kind == LINT_REFUSED)
		fputs(", which refused it", out);
	if (found->kind == LINT_HOLE)
		print_neighbours(found, out);
}

static void print_found(const struct lint_found *found, size_t number, FILE *out)
{
	const char *comma = "";

	fprintf(out, "\n%zu. ", number);
	print_place(found, out);
	fputc('\n', out);
	if (found->has_pc)
		fprintf(out, "   0x%" PRIx64 ": ", found->pc);
	else
		fputs("   ", out);
	if (found->has_word)
		fprintf(out, "%08x  %s  [%s, %s]\n", found->word, found->text,
			found->insn->name ? found->insn->name : "no load or store",
			found->described ? "ISV=1" : "ISV=0");
	else
		fputs(found->has_pc ? "an instruction that is not known any more\n"
				    : "QEMU does not say by which instruction\n",
		      out);
	fputs("   ", out);
	print_target(found, out);
	fputs("; ", out);
	if (found->loads) {
		fprintf(out, "%" PRIu64 " load%s", found->loads, plural(found->loads));
		comma = ", ";
	}
	if (found->stores) {
		fprintf(out, "%s%" PRIu64 " store%s", comma, found->stores, plural(found->stores));
		comma = ", ";
	}
	for (unsigned level = 0; level < LEVELS; level++) {
		if (found->levels >> level & 1) {
			fprintf(out, "%sEL%u", comma, level);
			comma = ", ";
		}
	}
	fputc('\n', out);
}

static bool is_remedied(const struct lint_found *found, enum insn_remedy remedy)
{
	return !found->described && found->insn->remedy == remedy;
}

/* "1, 3: how it comes about", for each way, and then what to write instead. */
static void print_advice(const struct lint_findings *findings, enum insn_remedy remedy, FILE *out)
{
	const struct lint_found *list = findings->list;
	bool any = false;

	for (size_t i = 0; i < findings->count; i++) {
		bool told = !is_remedied(&list[i], remedy);

		for (size_t k = 0; k < i && !told; k++)
			told = is_remedied(&list[k], remedy) && list[k].insn->source == list[i].insn->source;
		if (told)
			continue;
		fputs(any ? "   " : "\nWhere it comes from, and what to do:\n   ", out);
		any = true;
		for (size_t k = i; k < findings->count; k++)
			if (is_remedied(&list[k], remedy) && list[k].insn->source == list[i].insn->source)
				fprintf(out, "%s%zu", k == i ? "" : ", ", k + 1);
		fprintf(out, ": %s.\n", list[i].insn->source);
	}
	for (unsigned language = 0; any && language <= 3; language++) {
		const char *text = explain_remedy(remedy, language);

		if (text)
			fprintf(out, "   - %s.\n", text);
	}
}

static void print_limits(const struct lint_findings *findings, FILE *out)
{
	if (!findings->watched)
		fputs("The guest ran no AArch64 code: nothing was looked at.\n", out);
	if (!findings->logged)
		fprintf(out,
			"Accesses that end in an abort, as those to holes do on many boards, were not looked for: %s.\n",
			findings->no_log ? findings->no_log : "QEMU's log could not be had");
	if (findings->aarch32)
		fprintf(out, "%" PRIu64 " block%s of AArch32 code were not looked at.\n", findings->aarch32,
			plural(findings->aarch32));
	if (findings->unwatched)
		fprintf(out,
			"%" PRIu64
			" translation%s of instructions were not looked at: the guest has more code than lint keeps.\n",
			findings->unwatched, plural(findings->unwatched));
	if (findings->dropped)
		fprintf(out, "%" PRIu64 " access%s of further findings were not kept.\n", findings->dropped,
			findings->dropped == 1 ? "" : "es");
}

void lint_print(const struct lint_findings *findings, FILE *out)
{
	size_t described = findings->count - findings->undescribed;

	fprintf(out, "salvage lint: %" PRIu64 " finding%s", findings->undescribed,
		plural(findings->undescribed));
	if (findings->undescribed)
		fputs(": the CPU describes these accesses to no hypervisor (ISV=0: neither register nor size), so under "
		      "KVM the guest dies of them",
		      out);
	fputc('\n', out);
	if (described)
		fprintf(out, "salvage lint: %zu more access%s to holes, which KVM passes to the VMM\n",
			described, described == 1 ? "" : "es");
	for (size_t i = 0; i < findings->count; i++)
		print_found(&findings->list[i], i + 1, out);
	for (enum insn_remedy remedy = REMEDY_NONE; remedy <= REMEDY_CACHE; remedy++)
		print_advice(findings, remedy, out);
	if (findings->count)
		fputc('\n', out);
	print_limits(findings, out);
}

static json_t *hex(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return json_string(text);
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(object, key, json_string(text));
}

static json_t *json_region(const struct lint_region *region)
{
	return json_pack("{s:s, s:o, s:o}", "device", region->name, "first", hex(region->first), "last",
			 hex(region->last));
}

static json_t *json_found(const struct lint_found *found)
{
	json_t *object = json_object(), *levels = json_array(), *todo = json_array();
	char word[9];

	json_object_set_new(object, "v", json_integer(1));
	set_text(object, "finding", lint_kind_name(found->kind));
	if (found->has_pc)
		json_object_set_new(object, "pc", hex(found->pc));
	if (found->has_word) {
		snprintf(word, sizeof(word), "%08x", found->word);
		set_text(object, "insn", word);
		set_text(object, "text", found->text);
		set_text(object, "kind", found->insn->name);
		json_object_set_new(object, "isv", json_boolean(found->described));
	}
	set_text(object, "symbol", found->place.symbol);
	set_text(object, "function", found->place.function);
	set_text(object, "file", found->place.file);
	if (*found->place.file)
		json_object_set_new(object, "line", json_integer(found->place.line));
	set_text(object, "device", found->device);
	if (found->has_offset) {
		json_object_set_new(object, "offset", hex(found->offset));
		json_object_set_new(object, "offset_last", hex(found->offset_last));
	}
	if (found->has_address) {
		json_object_set_new(object, "pa", hex(found->address));
		json_object_set_new(object, "pa_last", hex(found->address_last));
	}
	if (found->has_va)
		json_object_set_new(object, "va", hex(found->va));
	if (found->kind == LINT_HOLE && found->below)
		json_object_set_new(object, "below", json_region(found->below));
	if (found->kind == LINT_HOLE && found->above)
		json_object_set_new(object, "above", json_region(found->above));
	json_object_set_new(object, "loads", json_integer((json_int_t)found->loads));
	json_object_set_new(object, "stores", json_integer((json_int_t)found->stores));
	for (unsigned level = 0; level < LEVELS; level++)
		if (found->levels >> level & 1)
			json_array_append_new(levels, json_integer(level));
	json_object_set_new(object, "el", levels);
	for (unsigned language = 0; !found->described && language <= 3; language++) {
		char *text = explain_change(found->insn, language);

		if (text)
			json_array_append_new(todo, json_string(text));
		free(text);
	}
	if (!found->described)
		set_text(object, "why", found->insn->why);
	json_object_set_new(object, "todo", todo);
	return object;
}

static bool print_object(json_t *object, FILE *out)
{
	bool ok = object && !json_dumpf(object, out, JSON_COMPACT);

	json_decref(object);
	fputc('\n', out);
	return ok;
}

bool lint_print_json(const struct lint_findings *findings, FILE *out)
{
	bool ok = true;

	for (size_t i = 0; i < findings->count; i++)
		ok &= print_object(json_found(&findings->list[i]), out);
	return print_object(json_pack("{s:i, s:s, s:I, s:I, s:b, s:b, s:b, s:I, s:I, s:I}", "v", 1, "finding",
				      "summary", "nisv", (json_int_t)findings->undescribed, "holes",
				      (json_int_t)(findings->count - findings->undescribed), "watched",
				      findings->watched, "aborts", findings->logged, "levels",
				      findings->has_levels, "aarch32", (json_int_t)findings->aarch32,
				      "unwatched", (json_int_t)findings->unwatched, "dropped",
				      (json_int_t)findings->dropped),
			    out) &&
	       ok;
}

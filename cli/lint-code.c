/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names for the guest's code: symbols as everywhere in salvage, and with elfutils' libdw the function, file
 * and line that the debug information has. Addresses are compared as they are.
 */
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_LIBDW
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#endif

#include "lint.h"
#include "../vmm/symbols.h"

struct file {
	struct vmm_symbols *symbols;
#ifdef HAVE_LIBDW
	Dwfl *dwfl;
#endif
};

struct lint_code {
	struct file *list;
	size_t count;
	struct vmm_error error;
};

struct lint_code *lint_code_new(void)
{
	return calloc(1, sizeof(struct lint_code));
}

#ifdef HAVE_LIBDW
static void open_lines(struct file *file, const char *path)
{
	/*
	 * Debug information in a file of its own is looked for beside this one and nowhere else: no network.
	 */
	static char beside[] = "";
	static char *where = beside;
	static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_build_id_find_elf,
						 .find_debuginfo = dwfl_standard_find_debuginfo,
						 .section_address = dwfl_offline_section_address,
						 .debuginfo_path = &where};

	file->dwfl = dwfl_begin(&callbacks);
	if (!file->dwfl)
		return;
	dwfl_report_begin(file->dwfl);
	if (!dwfl_report_elf(file->dwfl, path, path, -1, 0, false) ||
	    dwfl_report_end(file->dwfl, NULL, NULL)) {
		dwfl_end(file->dwfl);
		file->dwfl = NULL;
	}
}

static void close_lines(struct file *file)
{
	if (file->dwfl)
		dwfl_end(file->dwfl);
}

static void copy(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; from && from[i] && i < size - 1; i++)
		to[i] = from[i] >= ' ' && from[i] <= '~' ? from[i] : '?';
	to[i] = 0;
}

/* The innermost function: an accessor that was inlined is the one whose author can help. */
static void find_function(Dwarf_Die *unit, Dwarf_Addr pc, struct lint_place *place)
{
	Dwarf_Die *scopes = NULL;
	int count = dwarf_getscopes(unit, pc, &scopes);

	for (int i = 0; i < count; i++) {
		int tag = dwarf_tag(&scopes[i]);

		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
			continue;
		copy(place->function, sizeof(place->function), dwarf_diename(&scopes[i]));
		break;
	}
	free(scopes);
}

static bool find_line(const struct file *file, uint64_t pc, struct lint_place *place)
{
	Dwfl_Module *module = file->dwfl ? dwfl_addrmodule(file->dwfl, pc) : NULL;
	Dwfl_Line *line = module ? dwfl_module_getsrc(module, pc) : NULL;
	Dwarf_Addr bias, unused;
	Dwarf_Die *unit;
	const char *name;

	if (!line)
		return false;
	name = dwfl_lineinfo(line, &unused, &place->line, NULL, NULL, NULL);
	copy(place->file, sizeof(place->file), name);
	unit = dwfl_module_addrdie(module, pc, &bias);
	if (unit)
		find_function(unit, pc - bias, place);
	return true;
}
#else
static void open_lines(struct file *file, const char *path)
{
}

static void close_lines(struct file *file)
{
}

static bool find_line(const struct file *file, uint64_t pc, struct lint_place *place)
{
	return false;
}
#endif

void lint_code_free(struct lint_code *code)
{
	if (!code)
		return;
	for (size_t i = 0; i < code->count; i++) {
		vmm_symbols_free(code->list[i].symbols);
		close_lines(&code->list[i]);
	}
	free(code->list);
	free(code);
}

const char *lint_code_add(struct lint_code *code, const char *path)
{
	struct file *list = realloc(code->list, (code->count + 1) * sizeof(*list)), file = {0};

	if (!list)
		return "out of memory";
	code->list = list;
	file.symbols = vmm_symbols_open(path, &code->error);
	if (!file.symbols)
		return code->error.text;
	open_lines(&file, path);
	code->list[code->count++] = file;
	return NULL;
}

void lint_code_find(struct lint_code *code, uint64_t pc, struct lint_place *place)
{
	*place = (struct lint_place){0};
	for (size_t i = 0; i < code->count; i++) {
		bool found = vmm_symbols_find(code->list[i].symbols, pc, place->symbol);

		if (find_line(&code->list[i], pc, place) || found)
			return;
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gelf.h>

#include "symbols.h"

/* Of a table. A vmlinux of a distribution, with all modules built in, stays below 32 MiB. */
#define TABLE_MAX (UINT64_C(256) << 20)

#define NAME_MAX_SHOWN 128

struct symbol {
	uint64_t first, last;
	uint32_t name; /* in names */
	bool sized;
	bool local;
};

struct vmm_symbols {
	struct symbol *list; /* by first, no two with the same */
	size_t count;
	char *names;
};

/* What of a file is read. */
struct source {
	Elf *elf;
	bool arm32;
	Elf_Scn *table;
	GElf_Shdr header; /* the table's */
	size_t strings;   /* index of the section with its names */
};

static const char *check_file(struct source *source)
{
	GElf_Ehdr header;

	if (!source->elf || elf_kind(source->elf) != ELF_K_ELF)
		return "not an ELF file";
	if (!gelf_getehdr(source->elf, &header))
		return "an ELF file whose header cannot be read";
	source->arm32 = header.e_machine == EM_ARM;
	if ((header.e_machine != EM_AARCH64 && !source->arm32) || header.e_ident[EI_DATA] != ELFDATA2LSB)
		return "an ELF file, but not for little-endian arm64 or arm";
	/* In others, symbols count from the start of their sections. */
	if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
		return "an ELF file that is not linked, so that its symbols have no addresses";
	return NULL;
}

static const char *find_table(struct source *source)
{
	GElf_Shdr strings;
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(source->elf, section))) {
		if (!gelf_getshdr(section, &source->header))
			return "an ELF file whose section headers cannot be read";
		if (source->header.sh_type == SHT_SYMTAB)
			break;
	}
	if (!section)
		return "no symbol table; take the file that was not stripped";
	source->table = section;
	source->strings = source->header.sh_link;
	section = elf_getscn(source->elf, source->strings);
	if (!section || !gelf_getshdr(section, &strings) || strings.sh_type != SHT_STRTAB)
		return "a symbol table without names";
	if (source->header.sh_size > TABLE_MAX || strings.sh_size > TABLE_MAX)
		return "a symbol table of more than 256 MiB";
	/* libelf would unpack it, to whatever size it claims. */
	if ((source->header.sh_flags | strings.sh_flags) & SHF_COMPRESSED)
		return "a compressed symbol table";
	return NULL;
}

/*
 * The last address of the section that a symbol is in, if that is one of code. Addresses that wrap are no
 * guest's.
 */
static bool code_section(Elf *elf, uint16_t index, uint64_t *last)
{
	Elf_Scn *section = index != SHN_UNDEF && index < SHN_LORESERVE ? elf_getscn(elf, index) : NULL;
	GElf_Shdr header;

	if (!section || !gelf_getshdr(section, &header) || !(header.sh_flags & SHF_EXECINSTR) ||
	    !header.sh_size || header.sh_size - 1 > UINT64_MAX - header.sh_addr)
		return false;
	*last = header.sh_addr + (header.sh_size - 1);
	return true;
}

/* Of all that linkers and assemblers make symbols for, functions and labels in code tell a reader most. */
static bool take(const struct source *source, const GElf_Sym *from, const char *name, struct symbol *symbol)
{
	unsigned type = GELF_ST_TYPE(from->st_info);
	uint64_t last;

	/* Mapping symbols, "$x" and "$d", say what the bytes are (AAELF64, 4.5.4). */
	if (!name || !*name || *name == '$' || (type != STT_FUNC && type != STT_NOTYPE) ||
	    !code_section(source->elf, from->st_shndx, &last))
		return false;
	/* Bit 0 of a T32 function's address is not part of where it lies (AAELF32, 5.5.3). */
	symbol->first = source->arm32 && type == STT_FUNC ? from->st_value & ~UINT64_C(1) : from->st_value;
	if (symbol->first > last)
		return false;
	symbol->sized = from->st_size && from->st_size - 1 <= last - symbol->first;
	symbol->last = symbol->sized ? symbol->first + (from->st_size - 1) : last;
	symbol->local = GELF_ST_BIND(from->st_info) == STB_LOCAL;
	return true;
}

/* Of several names for an address the one that says most comes first. */
static int compare(const void *one, const void *other)
{
	const struct symbol *a = one, *b = other;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->sized != b->sized)
		return a->sized ? -1 : 1;
	if (a->local != b->local)
		return a->local ? 1 : -1;
	return a->name < b->name ? -1 : a->name > b->name;
}

static void sort(struct vmm_symbols *symbols)
{
	size_t kept = 0;

	qsort(symbols->list, symbols->count, sizeof(*symbols->list), compare);
	for (size_t i = 0; i < symbols->count; i++)
		if (!kept || symbols->list[kept - 1].first != symbols->list[i].first)
			symbols->list[kept++] = symbols->list[i];
	symbols->count = kept;
	/* A label without a size goes on until the next begins. */
	for (size_t i = 0; i + 1 < kept; i++)
		if (!symbols->list[i].sized && symbols->list[i].last >= symbols->list[i + 1].first)
			symbols->list[i].last = symbols->list[i + 1].first - 1;
}

/* elf_strptr has made sure that the name ends within its section. */
static const char *name_of(const struct source *source, const GElf_Sym *symbol)
{
	return elf_strptr(source->elf, source->strings, symbol->st_name);
}

static const char *collect(const struct source *source, struct vmm_symbols *symbols)
{
	Elf_Data *data = elf_getdata(source->table, NULL), *names;
	size_t entry = gelf_fsize(source->elf, ELF_T_SYM, 1, EV_CURRENT);
	size_t count = data && entry ? data->d_size / entry : 0;
	GElf_Sym from;

	names = elf_getdata(elf_getscn(source->elf, source->strings), NULL);
	if (!data || !data->d_buf || data->d_type != ELF_T_SYM || !names || !names->d_buf || !names->d_size)
		return "truncated: its symbol table cannot be read";
	symbols->list = calloc(count ? count : 1, sizeof(*symbols->list));
	symbols->names = malloc(names->d_size + 1);
	if (!symbols->list || !symbols->names)
		return "no memory for its symbols";
	memcpy(symbols->names, names->d_buf, names->d_size);
	symbols->names[names->d_size] = 0;
	for (size_t i = 0; i < count && i <= INT32_MAX; i++) {
		struct symbol symbol;

		if (!gelf_getsym(data, (int)i, &from) || from.st_name >= names->d_size ||
		    !take(source, &from, name_of(source, &from), &symbol))
			continue;
		symbol.name = from.st_name;
		symbols->list[symbols->count++] = symbol;
	}
	sort(symbols);
	return symbols->count ? NULL : "no symbols of code; take the file that was not stripped";
}

/* Takes elf. NULL and *why, unless it went well. */
static struct vmm_symbols *read_symbols(Elf *elf, const char **why)
{
	struct vmm_symbols *symbols = calloc(1, sizeof(*symbols));
	struct source source = {.elf = elf};

	*why = symbols ? check_file(&source) : "no memory for its symbols";
	if (!*why)
		*why = find_table(&source);
	if (!*why)
		*why = collect(&source, symbols);
	elf_end(elf);
	if (!*why)
		return symbols;
	vmm_symbols_free(symbols);
	return NULL;
}

struct vmm_symbols *vmm_symbols_open(const char *path, struct vmm_error *error)
{
	/* A FIFO nobody writes to must not hang the open. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct vmm_symbols *symbols = NULL;
	const char *why = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st)) {
		why = strerror(errno);
	} else if (!S_ISREG(st.st_mode)) {
		why = "not a regular file";
	} else {
		elf_version(EV_CURRENT);
		/* Not mapped: a file that shrinks meanwhile must not be a signal. */
		symbols = read_symbols(elf_begin(fd, ELF_C_READ, NULL), &why);
	}
	if (fd >= 0)
		close(fd);
	if (!symbols)
		vmm_fail(error, VMM_IMAGE, "--symbols=%s: %s", path, why);
	return symbols;
}

struct vmm_symbols *vmm_symbols_of_guest(const struct vmm_file *file)
{
	const char *why;

	elf_version(EV_CURRENT);
	return read_symbols(elf_memory((char *)file->bytes, file->size), &why);
}

void vmm_symbols_free(struct vmm_symbols *symbols)
{
	if (!symbols)
		return;
	free(symbols->list);
	free(symbols->names);
	free(symbols);
}

/* The last symbol that begins at or below pc; NULL if all begin above. */
static const struct symbol *at_or_below(const struct vmm_symbols *symbols, uint64_t pc)
{
	size_t low = 0, high = symbols->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (symbols->list[middle].first <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &symbols->list[low - 1] : NULL;
}

bool vmm_symbols_find(const struct vmm_symbols *symbols, uint64_t pc, char text[VMM_SYMBOL_TEXT])
{
	const struct symbol *symbol = symbols ? at_or_below(symbols, pc) : NULL;
	const char *name;
	size_t length = 0;

	*text = 0;
	if (!symbol || pc > symbol->last)
		return false;
	for (name = symbols->names + symbol->name; *name && length < NAME_MAX_SHOWN; name++)
		text[length++] = *name > ' ' && *name < 0x7f ? *name : '?';
	snprintf(text + length, VMM_SYMBOL_TEXT - length, "%s+0x%" PRIx64, *name ? ".." : "",
		 pc - symbol->first);
	return true;
}

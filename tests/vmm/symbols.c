/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Symbols of good files, and of files that lie. Under the sanitizers a number that is believed shows. The
 * file is laid out here by hand, so that each test can spoil what it likes.
 */
#include <elf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check.h"

#include "symbols.h"

#define CODE   UINT64_C(0xffff800080010000)
#define SIZE   0x1000
#define ROUNDS 20000

enum { NONE, TEXT, DATA, SYMBOLS, STRINGS, SECTIONS };

#define SIXTEEN "0123456789abcdef"
#define LONG                                                                                              \
	"_ZN4core3fmt9Formatter12pad_integral17h" SIXTEEN SIXTEEN SIXTEEN SIXTEEN SIXTEEN SIXTEEN SIXTEEN \
	"End"
#define NAMES "\0start\0uart_init\0alias\0$x\0tail\0data_label\0v\x1b[1mx\0" LONG "\0absolute"

struct file {
	Elf64_Ehdr header;
	Elf64_Shdr sections[SECTIONS];
	Elf64_Sym symbols[10];
	char names[sizeof(NAMES)];
};

static uint32_t name(const char *text)
{
	static const char names[] = NAMES;
	const char *at = memmem(names, sizeof(names), text, strlen(text));

	assert_non_null(at);
	return (uint32_t)(at - names);
}

static struct file good(void)
{
	const unsigned char function = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
			    label = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE),
			    local = ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE);
	struct file file = {
		.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_AARCH64,
			   .e_version = EV_CURRENT,
			   .e_ehsize = sizeof(Elf64_Ehdr),
			   .e_shoff = offsetof(struct file, sections),
			   .e_shentsize = sizeof(Elf64_Shdr),
			   .e_shnum = SECTIONS},
		.sections = {[TEXT] = {.sh_type = SHT_NOBITS,
				       .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
				       .sh_addr = CODE,
				       .sh_size = SIZE},
			     [DATA] = {.sh_type = SHT_NOBITS,
				       .sh_flags = SHF_ALLOC | SHF_WRITE,
				       .sh_addr = CODE + 0x10000,
				       .sh_size = SIZE},
			     [SYMBOLS] = {.sh_type = SHT_SYMTAB,
					  .sh_offset = offsetof(struct file, symbols),
					  .sh_size = sizeof(file.symbols),
					  .sh_link = STRINGS,
					  .sh_entsize = sizeof(Elf64_Sym)},
			     [STRINGS] = {.sh_type = SHT_STRTAB,
					  .sh_offset = offsetof(struct file, names),
					  .sh_size = sizeof(file.names)}},
		/* Not in the order of their addresses. */
		.symbols = {[1] = {name("uart_init"), function, 0, TEXT, CODE + 0x100, 0x40},
			    [2] = {name("start"), label, 0, TEXT, CODE, 0},
			    [3] = {name("alias"), local, 0, TEXT, CODE + 0x100, 0},
			    [4] = {name("$x"), local, 0, TEXT, CODE + 0x120, 0},
			    [5] = {name("tail"), label, 0, TEXT, CODE + 0xf00, 0},
			    [6] = {name("data_label"), label, 0, DATA, CODE + 0x10000, 0},
			    [7] = {name("v\x1b[1mx"), function, 0, TEXT, CODE + 0x200, 4},
			    [8] = {name("_ZN4core"), function, 0, TEXT, CODE + 0x300, 4},
			    [9] = {name("absolute"), label, 0, SHN_ABS, CODE + 0x80, 0}},
		.names = NAMES,
	};

	return file;
}

/* Through a file in memory, and in place. */
static struct vmm_symbols *open_bytes(const void *bytes, size_t size, struct vmm_error *error)
{
	int fd = memfd_create("symbols", MFD_CLOEXEC);
	struct vmm_symbols *symbols;
	char path[64];

	assert_true(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	symbols = vmm_symbols_open(path, error);
	close(fd);
	return symbols;
}

static struct vmm_symbols *open_good(void)
{
	struct file file = good();
	struct vmm_error error;
	struct vmm_symbols *symbols = open_bytes(&file, sizeof(file), &error);

	if (!symbols)
		fail_msg("%s", error.text);
	return symbols;
}

static void finds(void **state)
{
	static const struct {
		uint64_t pc;
		const char *text;
	} cases[] = {
		{CODE - 4, ""},
		{CODE, "start+0x0"},
		{CODE + 0x80, "start+0x80"},
		{CODE + 0xfc, "start+0xfc"},
		/* Of two names the one with a size; and neither mapping symbols nor labels cut it short. */
		{CODE + 0x100, "uart_init+0x0"},
		{CODE + 0x110, "uart_init+0x10"},
		{CODE + 0x13c, "uart_init+0x3c"},
		/* Past its end is not in it. */
		{CODE + 0x140, ""},
		{CODE + 0x1fc, ""},
		/* What a terminal would obey is not shown to it. */
		{CODE + 0x200, "v?[1mx+0x0"},
		{CODE + 0x204, ""},
		/* A label without a size ends with its section. */
		{CODE + 0xf00, "tail+0x0"},
		{CODE + SIZE - 4, "tail+0xfc"},
		{CODE + SIZE, ""},
		/* Code only. */
		{CODE + 0x10000, ""},
		/* Physical addresses are not translated. */
		{CODE & 0xffffffff, ""},
		{0, ""},
		{UINT64_MAX, ""},
	};
	struct vmm_symbols *symbols = open_good();
	char text[VMM_SYMBOL_TEXT];

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(vmm_symbols_find(symbols, cases[i].pc, text), *cases[i].text != 0);
		assert_string_equal(text, cases[i].text);
	}
	assert_true(vmm_symbols_find(symbols, CODE + 0x302, text));
	assert_true(strlen(text) < VMM_SYMBOL_TEXT - 1);
	assert_memory_equal(text, "_ZN4core3fmt9Formatter", 22);
	assert_non_null(strstr(text, "..+0x2"));
	assert_false(vmm_symbols_find(NULL, CODE, text));
	assert_string_equal(text, "");
	vmm_symbols_free(symbols);
}

/* The guest itself: what has no symbols is no error, as most guests have none. */
static void of_guest(void **state)
{
	struct file bytes = good();
	struct vmm_file file = {(uint8_t *)&bytes, sizeof(bytes)};
	struct vmm_symbols *symbols = vmm_symbols_of_guest(&file);
	char text[VMM_SYMBOL_TEXT];

	assert_non_null(symbols);
	/* The guest's file is freed before the run ends. */
	memset(&bytes, 0, sizeof(bytes));
	assert_true(vmm_symbols_find(symbols, CODE + 0x104, text));
	assert_string_equal(text, "uart_init+0x4");
	vmm_symbols_free(symbols);
	assert_null(vmm_symbols_of_guest(&file));
	file.size = 1;
	assert_null(vmm_symbols_of_guest(&file));
}

/* A T32 function's address has bit 0 set; an A32 file's header is another. */
static void thumb(void **state)
{
	static const char names[] = "\0f";
	struct {
		Elf32_Ehdr header;
		Elf32_Shdr sections[4];
		Elf32_Sym symbols[2];
		char names[sizeof(names)];
	} file = {
		.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_ARM,
			   .e_version = EV_CURRENT,
			   .e_ehsize = sizeof(Elf32_Ehdr),
			   .e_shoff = sizeof(Elf32_Ehdr),
			   .e_shentsize = sizeof(Elf32_Shdr),
			   .e_shnum = 4},
		.sections = {[1] = {.sh_type = SHT_NOBITS,
				    .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
				    .sh_addr = 0x40000000,
				    .sh_size = 0x100},
			     [2] = {.sh_type = SHT_SYMTAB,
				    .sh_offset = sizeof(Elf32_Ehdr) + 4 * sizeof(Elf32_Shdr),
				    .sh_size = 2 * sizeof(Elf32_Sym),
				    .sh_link = 3,
				    .sh_entsize = sizeof(Elf32_Sym)},
			     [3] = {.sh_type = SHT_STRTAB,
				    .sh_offset = sizeof(Elf32_Ehdr) + 4 * sizeof(Elf32_Shdr) +
						 2 * sizeof(Elf32_Sym),
				    .sh_size = sizeof(names)}},
		.symbols = {[1] = {.st_name = 1,
				   .st_info = ELF32_ST_INFO(STB_GLOBAL, STT_FUNC),
				   .st_shndx = 1,
				   .st_value = 0x40000011,
				   .st_size = 0x20}},
		.names = "\0f",
	};
	struct vmm_error error;
	struct vmm_symbols *symbols = open_bytes(&file, sizeof(file), &error);
	char text[VMM_SYMBOL_TEXT];

	assert_non_null(symbols);
	assert_false(vmm_symbols_find(symbols, 0x4000000e, text));
	assert_true(vmm_symbols_find(symbols, 0x40000010, text));
	assert_string_equal(text, "f+0x0");
	vmm_symbols_free(symbols);
}

#define SPOIL(what, text)                           \
	{                                           \
		file = good();                      \
		what;                               \
		refused(&file, sizeof(file), text); \
	}

static void refused(const void *bytes, size_t size, const char *text)
{
	struct vmm_error error = {0};

	check(text, !open_bytes(bytes, size, &error));
	check(text, error.status == VMM_IMAGE);
	check(error.text, strstr(error.text, text));
	check(text, !strncmp(error.text, "--symbols=/proc/", 16) && !strchr(error.text, '\n'));
}

static void refusals(void **state)
{
	struct file file;

	refused("", 0, "not an ELF file");
	refused("hello, world, this is a text", 28, "not an ELF file");
	refused("!<arch>\n", 8, "not an ELF file");
	SPOIL(file.header.e_machine = EM_X86_64, "not for little-endian arm64");
	SPOIL(file.header.e_type = ET_REL, "not linked");
	SPOIL(file.header.e_shnum = 0, "no symbol table");
	SPOIL(file.sections[SYMBOLS].sh_type = SHT_PROGBITS,
	      "no symbol table; take the file that was not stripped");
	SPOIL(file.sections[SYMBOLS].sh_link = TEXT, "without names");
	SPOIL(file.sections[SYMBOLS].sh_link = 77, "without names");
	SPOIL(file.sections[SYMBOLS].sh_size = UINT64_C(1) << 40, "more than 256 MiB");
	SPOIL(file.sections[SYMBOLS].sh_size = 24 * 100, "truncated");
	SPOIL(file.sections[STRINGS].sh_size = 1 << 20, "truncated");
	SPOIL(file.sections[STRINGS].sh_offset = UINT64_MAX - 8, "truncated");
	SPOIL(file.sections[SYMBOLS].sh_flags = SHF_COMPRESSED, "compressed");
	SPOIL(file.sections[TEXT].sh_flags = SHF_ALLOC, "no symbols of code");
	SPOIL(file.sections[TEXT].sh_addr = UINT64_MAX - 8, "no symbols of code");
	SPOIL(memset(file.symbols, 0, sizeof(file.symbols)), "no symbols of code");
	SPOIL(memset(file.names, 0, sizeof(file.names)), "no symbols of code");
}

static void no_file(void **state)
{
	static const struct {
		const char *path, *text;
	} cases[] = {{"/nonexistent/vmlinux", "--symbols=/nonexistent/vmlinux: No such file"},
		     {"/", "not a regular file"},
		     {"/dev/null", "not a regular file"}};
	struct vmm_error error;

	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_null(vmm_symbols_open(cases[i].path, &error));
		check(error.text, error.status == VMM_IMAGE && strstr(error.text, cases[i].text));
	}
}

static void look_around(const struct vmm_symbols *symbols, uint64_t *seed)
{
	for (unsigned i = 0; i < 40; i++) {
		char text[VMM_SYMBOL_TEXT];
		uint64_t pc = i < 32 ? CODE + 0x40 * i : random_next(seed);

		memset(text, '!', sizeof(text));
		vmm_symbols_find(symbols, pc, text);
		assert_non_null(memchr(text, 0, sizeof(text)));
		for (const char *c = text; *c; c++)
			assert_true(*c > ' ' && *c < 0x7f);
	}
}

/*
 * Numbers that matter, and bits, anywhere in the file; or its end cut off. Nothing crashes, or is shown raw.
 */
static void damaged(void **state)
{
	static const uint64_t numbers[] = {0,      1,         2,          7,         0xff,      0xfff0,
					   0xffff, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX};
	uint64_t seed = 5;
	unsigned taken = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct file file = good();
		uint8_t *bytes = (uint8_t *)&file, *copy;
		size_t size = sizeof(file);
		struct vmm_error error = {0};
		struct vmm_symbols *symbols;

		for (unsigned n = random_next(&seed) % 4 + 1; n; n--) {
			size_t at = random_next(&seed) % (sizeof(file) - 8),
			       width = 1 << random_next(&seed) % 4;

			if (random_next(&seed) % 2)
				bytes[at] ^= 1 << random_next(&seed) % 8;
			else
				memcpy(bytes + at / width * width,
				       &numbers[random_next(&seed) % COUNT(numbers)], width);
		}
		if (!(random_next(&seed) % 4))
			size = random_next(&seed) % sizeof(file);
		symbols = open_bytes(bytes, size, &error);
		assert_true(symbols || (error.status == VMM_IMAGE && !strchr(error.text, '\n')));
		taken += symbols != NULL;
		look_around(symbols, &seed);
		vmm_symbols_free(symbols);
		/* In a block of exactly its size, as the guest's file is. */
		copy = malloc(size + !size);
		assert_non_null(copy);
		memcpy(copy, bytes, size);
		symbols = vmm_symbols_of_guest(&(struct vmm_file){copy, size});
		free(copy);
		look_around(symbols, &seed);
		vmm_symbols_free(symbols);
	}
	/* Were all of them refused at once, or none, the test would have tested nothing. */
	assert_in_range(taken, ROUNDS / 10, ROUNDS * 9 / 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),    cmocka_unit_test(of_guest), cmocka_unit_test(thumb),
		cmocka_unit_test(refusals), cmocka_unit_test(no_file),  cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

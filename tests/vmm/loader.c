/* SPDX-License-Identifier: BSD-2-Clause */
/* The loader on good files, and on files that lie. Under the sanitizers a number that is believed shows. */
#include <elf.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/check.h"

#include "loader.h"

#define BASE UINT64_C(0x40000000)
#define SIZE UINT64_C(0x100000)

struct elf {
	Elf64_Ehdr header;
	Elf64_Phdr segments[4];
	uint8_t bytes[64];
};

struct image {
	uint32_t code[2];
	uint64_t text_offset, image_size, flags, reserved[3];
	uint32_t magic, pe;
	uint8_t bytes[64];
};

/* One segment, entered at its second word, linked high and loaded low as kernels are. */
static struct elf good_elf(void)
{
	struct elf elf = {
		.header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_EXEC,
			   .e_machine = EM_AARCH64,
			   .e_version = EV_CURRENT,
			   .e_entry = 0xffff000000001004,
			   .e_phoff = offsetof(struct elf, segments),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 2},
		.segments = {{.p_type = PT_LOAD,
			      .p_offset = offsetof(struct elf, bytes),
			      .p_vaddr = 0xffff000000001000,
			      .p_paddr = BASE + 0x1000,
			      .p_filesz = 32,
			      .p_memsz = 0x100},
			     {.p_type = PT_NOTE, .p_offset = UINT64_MAX, .p_filesz = UINT64_MAX},
			     {.p_type = PT_LOAD,
			      .p_offset = offsetof(struct elf, bytes) + 32,
			      .p_vaddr = 0xffff000000002000,
			      .p_paddr = BASE + 0x2000,
			      .p_filesz = 32,
			      .p_memsz = 32}},
	};

	memset(elf.bytes, 0x5a, sizeof(elf.bytes));
	return elf;
}

static struct image good_image(void)
{
	struct image image = {.text_offset = 0x8000, .image_size = 0x4000, .magic = 0x644d5241};

	memset(image.bytes, 0xa5, sizeof(image.bytes));
	return image;
}

/* RAM of exactly its size, so that the sanitizers see a byte too many. */
static struct vmm_memory memory(void)
{
	static uint8_t *ram;

	free(ram);
	ram = calloc(1, SIZE);
	assert_non_null(ram);
	return (struct vmm_memory){ram, BASE, SIZE};
}

static bool load(const void *bytes, size_t size, bool flat, struct vmm_memory *ram, struct vmm_guest *guest,
		 struct vmm_error *error)
{
	/* A copy of exactly its size, too. */
	struct vmm_file file = {malloc(size ? size : 1), size};
	bool ok;

	assert_non_null(file.bytes);
	memcpy(file.bytes, bytes, size);
	*ram = memory();
	*error = (struct vmm_error){0};
	ok = vmm_load(&file, "guest", flat, ram, guest, error);
	free(file.bytes);
	assert_int_equal(ok, !*error->text);
	assert_null(strchr(error->text, '\n'));
	return ok;
}

static void elf_loads(void **state)
{
	struct elf elf = good_elf();
	struct vmm_memory ram;
	struct vmm_guest guest;
	struct vmm_error error;

	elf.header.e_phnum = 3;
	assert_true(load(&elf, sizeof(elf), false, &ram, &guest, &error));
	assert_int_equal(guest.entry, BASE + 0x1004);
	assert_memory_equal(ram.host + 0x1000, elf.bytes, 32);
	assert_memory_equal(ram.host + 0x2000, elf.bytes + 32, 32);
	assert_int_equal(ram.host[0x1020] | ram.host[0xfff] | ram.host[0x2020], 0);
	/* Memory that a segment has beyond its file bytes is taken as well. */
	assert_false(vmm_load_reserve(&guest, BASE + 0x10ff, 1));
	assert_true(vmm_load_reserve(&guest, BASE + 0x1100, 1));
}

#define ELF_CASES(X)                                                                                  \
	X("class", elf.header.e_ident[EI_CLASS] = ELFCLASS32, "not for little-endian arm64")          \
	X("endianness", elf.header.e_ident[EI_DATA] = ELFDATA2MSB, "not for little-endian arm64")     \
	X("machine", elf.header.e_machine = EM_X86_64, "not for little-endian arm64")                 \
	X("shared object", elf.header.e_type = ET_DYN, "ET_EXEC")                                     \
	X("object", elf.header.e_type = ET_REL, "ET_EXEC")                                            \
	X("header size", elf.header.e_phentsize = 1, "program headers")                               \
	X("no headers", elf.header.e_phnum = 0, "program headers")                                    \
	X("many headers", elf.header.e_phnum = 0xffff, "65535 program headers")                       \
	X("headers past the end", elf.header.e_phoff = sizeof(elf) - 8, "truncated")                  \
	X("headers far away", elf.header.e_phoff = UINT64_MAX - 8, "truncated")                       \
	X("more headers than there is file", elf.header.e_phnum = VMM_SEGMENTS_MAX, "truncated")      \
	X("interpreter", elf.segments[1].p_type = PT_INTERP, "-static")                               \
	X("file larger than memory", elf.segments[0].p_memsz = 31, "larger in the file")              \
	X("bytes past the end", elf.segments[0].p_filesz = elf.segments[0].p_memsz = 65, "truncated") \
	X("offset past the end", elf.segments[0].p_offset = sizeof(elf) + 1, "truncated")             \
	X("offset wraps", elf.segments[0].p_offset = UINT64_MAX - 15, "truncated")                    \
	X("sizes wrap", elf.segments[0].p_filesz = elf.segments[0].p_memsz = UINT64_MAX, "truncated") \
	X("memory wraps", elf.segments[0].p_memsz = UINT64_MAX, "not in RAM")                         \
	X("below RAM", elf.segments[0].p_paddr = BASE - 1, "not in RAM")                              \
	X("above RAM", elf.segments[0].p_paddr = BASE + SIZE - 0xff, "not in RAM")                    \
	X("far above RAM", elf.segments[0].p_paddr = UINT64_MAX - 0x10, "not in RAM")                 \
	X("high half", elf.segments[0].p_paddr = elf.segments[0].p_vaddr, "not in RAM")               \
	X("overlap", (elf.header.e_phnum = 3, elf.segments[2].p_paddr = BASE + 0x10ff), "overlaps")   \
	X("entry before", elf.header.e_entry -= 8, "entry point")                                     \
	X("entry after", elf.header.e_entry += 0x100, "entry point")                                  \
	X("entry unaligned", elf.header.e_entry += 2, "not aligned")                                  \
	X("nothing to load", elf.segments[0].p_type = PT_NULL, "entry point")

static void reserve(void **state)
{
	static const struct {
		uint64_t address, size;
		bool ok;
	} cases[] = {
		{BASE, SIZE, true},         {BASE, SIZE + 1, false}, {BASE - 1, 2, false},
		{BASE + SIZE - 1, 1, true}, {BASE + SIZE, 1, false}, {BASE, 0, false},
		{BASE, UINT64_MAX, false},  {UINT64_MAX, 2, false},  {BASE + 1, -BASE, false},
		{0, BASE + 1, false},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct vmm_memory ram;
		struct vmm_guest guest;
		struct vmm_error error;

		load("\0", 1, false, &ram, &guest, &error);
		assert_int_equal(sv_ranges_release(&guest.used, BASE, BASE), SV_OK);
		assert_int_equal(vmm_load_reserve(&guest, cases[i].address, cases[i].size), cases[i].ok);
	}
}

static void elf_lies(void **state)
{
	struct vmm_memory ram;
	struct vmm_guest guest;
	struct vmm_error error;

#define CASE(name, change, why)                                                     \
	{                                                                           \
		struct elf elf = good_elf();                                        \
                                                                                    \
		(void)(change);                                                     \
		check(name, !load(&elf, sizeof(elf), false, &ram, &guest, &error)); \
		check(name, strstr(error.text, why));                               \
		assert_int_equal(error.status, VMM_IMAGE);                          \
	}
	ELF_CASES(CASE)
#undef CASE
}

/*
 * The Image as an EFI program: a PE header in its bytes, with one section that ends raw_end bytes into the
 * file.
 */
static int make_pe(struct image *image, uint32_t raw_end)
{
	const uint32_t at = offsetof(struct image, bytes);

	memset(image->bytes, 0, sizeof(image->bytes));
	image->pe = at;
	memcpy(image->bytes, "PE\0", 4);
	image->bytes[6] = 1;
	raw_end -= 16;
	memcpy(image->bytes + 24 + 16, &(uint32_t){16}, 4);
	memcpy(image->bytes + 24 + 20, &raw_end, 4);
	return 0;
}

static void image_loads(void **state)
{
	struct image image = good_image();
	struct vmm_memory ram;
	struct vmm_guest guest;
	struct vmm_error error;

	assert_true(load(&image, sizeof(image), false, &ram, &guest, &error));
	assert_int_equal(guest.entry, BASE + 0x8000);
	assert_memory_equal(ram.host + 0x8000, &image, sizeof(image));
	assert_false(vmm_load_reserve(&guest, BASE + 0x8000 + 0x3fff, 1));
	assert_true(vmm_load_reserve(&guest, BASE + 0x8000 + 0x4000, 1));

	/* A kernel from before image_size had a meaning. */
	image.image_size = 0;
	image.text_offset = 77;
	assert_true(load(&image, sizeof(image), false, &ram, &guest, &error));
	assert_int_equal(guest.entry, BASE + 0x80000);

	/* An EFI program that is complete. */
	make_pe(&image, sizeof(image));
	assert_true(load(&image, sizeof(image), false, &ram, &guest, &error));
	image.pe = 0;

	/* A file longer than it says is loaded whole. */
	image.text_offset = 0;
	image.image_size = 64;
	assert_true(load(&image, sizeof(image), false, &ram, &guest, &error));
	assert_memory_equal(ram.host, &image, sizeof(image));
}

#define IMAGE_CASES(X)                                                                                       \
	X("big-endian", image.flags = 1, sizeof(image), "big-endian")                                        \
	X("size", image.image_size = SIZE, sizeof(image), "--mem")                                           \
	X("size wraps", image.image_size = UINT64_MAX, sizeof(image), "--mem")                               \
	X("offset", image.text_offset = SIZE, sizeof(image), "--mem")                                        \
	X("offset wraps", image.text_offset = UINT64_MAX - 0x3fff, sizeof(image), "--mem")                   \
	X("file larger than it says", (image.text_offset = SIZE - 64, image.image_size = 64), sizeof(image), \
	  "--mem")                                                                                           \
	X("a byte too many", image.text_offset = SIZE - 0x3fff, sizeof(image), "--mem")                      \
	X("cut in a section", make_pe(&image, sizeof(image)), sizeof(image) - 1, "truncated")                \
	X("section far away", make_pe(&image, UINT32_MAX), sizeof(image), "truncated")                       \
	X("no room for sections", (make_pe(&image, 128), image.bytes[20] = 1), sizeof(image), "truncated")   \
	X("many sections", (make_pe(&image, 128), image.bytes[6] = 255), sizeof(image), "truncated")         \
	X("PE header far away", image.pe = UINT32_MAX, sizeof(image), "truncated")                           \
	X("cut in the header", image.flags = 0, 63, "truncated")                                             \
	X("cut after the magic", image.flags = 0, 60, "truncated")

static void image_lies(void **state)
{
	struct vmm_memory ram;
	struct vmm_guest guest;
	struct vmm_error error;

#define CASE(name, change, size, why)                                          \
	{                                                                      \
		struct image image = good_image();                             \
                                                                               \
		change;                                                        \
		check(name, !load(&image, size, false, &ram, &guest, &error)); \
		check(name, strstr(error.text, why));                          \
		assert_int_equal(error.status, VMM_IMAGE);                     \
	}
	IMAGE_CASES(CASE)
#undef CASE
}

static void flat_loads(void **state)
{
	static uint8_t bytes[SIZE + 1] = {0x1e, 0x20};
	struct vmm_memory ram;
	struct vmm_guest guest;
	struct vmm_error error;

	assert_true(load(bytes, 1, false, &ram, &guest, &error));
	assert_int_equal(guest.entry, BASE);
	assert_true(load(bytes, SIZE, true, &ram, &guest, &error));
	assert_memory_equal(ram.host, bytes, SIZE);
	assert_false(load(bytes, SIZE + 1, true, &ram, &guest, &error));
	assert_non_null(strstr(error.text, "--mem"));
}

/* What people pass by mistake is named. */
static void wrong_files(void **state)
{
	static const struct {
		const char *bytes;
		size_t size, offset;
		bool flat;
		const char *why;
	} cases[] = {
		{"\x1f\x8b\x08", 3, 0, false, "gunzip"},
		{"\xfd"
		 "7zXZ\0",
		 6, 0, false, "unxz"},
		{"\x28\xb5\x2f\xfd", 4, 0, false, "unzstd"},
		{"MZ\0\0zimg", 8, 0, false, "EFI"},
		{"HdrS", 4, 0x202, false, "x86"},
		{"\x18\x28\x6f\x01", 4, 0x24, false, "zImage"},
		{"070701", 6, 0, false, "--initrd"},
		{"\xd0\x0d\xfe\xed", 4, 0, false, "--dtb"},
		{"#!/bin/sh", 9, 0, false, "script"},
		{"!<arch>\n", 8, 0, false, "archive"},
		{"\177ELF", 4, 0, false, "truncated"},
		{"\177ELF", 4, 0, true, "only flat"},
		{"ARM\x64", 4, 56, true, "only flat"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		char bytes[0x300] = {0};
		struct vmm_memory ram;
		struct vmm_guest guest;
		struct vmm_error error;

		memcpy(bytes + cases[i].offset, cases[i].bytes, cases[i].size);
		check(cases[i].why,
		      !load(bytes, cases[i].offset + cases[i].size, cases[i].flat, &ram, &guest, &error));
		check(cases[i].why, strstr(error.text, cases[i].why));
		assert_int_equal(error.status, VMM_IMAGE);
	}
}

/* Any byte of a header changed in any way: loaded or refused, never more. */
static void damaged(void **state)
{
	uint64_t random = 7;

	for (unsigned i = 0; i < 3000; i++) {
		struct elf elf = good_elf();
		struct image image = good_image();
		struct vmm_memory ram;
		struct vmm_guest guest;
		struct vmm_error error;

		for (unsigned n = 0; n < 3; n++) {
			uint64_t r = random_next(&random);

			((uint8_t *)&elf)[(r & 0xffff) % offsetof(struct elf, bytes)] = (uint8_t)(r >> 16);
			((uint8_t *)&image)[(r >> 24 & 0xffff) % 64] = (uint8_t)(r >> 40);
		}
		load(&elf, random_next(&random) % (sizeof(elf) + 1), false, &ram, &guest, &error);
		load(&elf, sizeof(elf), false, &ram, &guest, &error);
		load(&image, sizeof(image), false, &ram, &guest, &error);
	}
}

/* initrd and device tree: as high as possible, on nothing. */
static void high(void **state)
{
	struct vmm_file file = {calloc(1, 0x30000), 0};
	uint8_t *flat = calloc(1, SIZE);
	struct vmm_memory ram;
	struct vmm_guest guest;
	struct vmm_error error;
	uint64_t address;

	assert_true(load(flat, 0x80000, false, &ram, &guest, &error));
	file.size = 0x1801;
	memset(file.bytes, 0x11, file.size);
	assert_true(vmm_load_high(&file, "initrd", 0x1000, &ram, &guest, &address, &error));
	assert_int_equal(address, BASE + SIZE - 0x2000);
	assert_memory_equal(ram.host + SIZE - 0x2000, file.bytes, file.size);
	assert_true(vmm_load_high(&file, "initrd", 0x1000, &ram, &guest, &address, &error));
	assert_int_equal(address, BASE + SIZE - 0x4000);
	file.size = 0x30000;
	assert_true(vmm_load_high(&file, "initrd", 0x1000, &ram, &guest, &address, &error));
	assert_int_equal(address, BASE + SIZE - 0x34000);
	assert_true(vmm_load_high(&file, "initrd", 0x1000, &ram, &guest, &address, &error));
	assert_int_equal(address, BASE + SIZE - 0x64000);
	/* Less than that is left above the guest. */
	assert_false(vmm_load_high(&file, "initrd", 0x1000, &ram, &guest, &address, &error));
	assert_int_equal(error.status, VMM_IMAGE);
	assert_non_null(strstr(error.text, "initrd: no room"));
	/* A hole between others is found. */
	assert_true(vmm_load_reserve(&guest, BASE + 0x80000, 0x1000));
	file.size = 0x1b000;
	assert_true(vmm_load_high(&file, "initrd", 0x1000, &ram, &guest, &address, &error));
	assert_int_equal(address, BASE + 0x81000);
	/* Full. */
	file.size = 1;
	assert_false(vmm_load_high(&file, "initrd", 0x1000, &ram, &guest, &address, &error));
	free(flat);
	free(file.bytes);
}

static void files(void **state)
{
	char directory[] = "salvage-loader-XXXXXX", path[128];
	struct vmm_error error;
	struct vmm_file file;
	FILE *out;

	assert_non_null(mkdtemp(directory));
	assert_false(vmm_file_read(directory, 100, &file, &error));
	assert_non_null(strstr(error.text, "a directory"));
	assert_int_equal(error.status, VMM_IMAGE);

	snprintf(path, sizeof(path), "%s/file", directory);
	assert_false(vmm_file_read(path, 100, &file, &error));
	assert_non_null(strstr(error.text, "No such file"));

	/* A pipe that nobody writes to does not hang. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_false(vmm_file_read(path, 100, &file, &error));
	assert_non_null(strstr(error.text, "pipe"));
	unlink(path);

	out = fopen(path, "w");
	assert_non_null(out);
	fclose(out);
	assert_false(vmm_file_read(path, 100, &file, &error));
	assert_non_null(strstr(error.text, "empty"));

	out = fopen(path, "w");
	assert_int_equal(fwrite("0123456789", 1, 10, out), 10);
	fclose(out);
	assert_true(vmm_file_read(path, 10, &file, &error));
	assert_int_equal(file.size, 10);
	assert_memory_equal(file.bytes, "0123456789", 10);
	free(file.bytes);
	assert_false(vmm_file_read(path, 9, &file, &error));
	assert_non_null(strstr(error.text, "--mem"));
	assert_null(file.bytes);
	unlink(path);
	rmdir(directory);
	memory();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elf_loads),   cmocka_unit_test(reserve),    cmocka_unit_test(elf_lies),
		cmocka_unit_test(image_loads), cmocka_unit_test(image_lies), cmocka_unit_test(flat_loads),
		cmocka_unit_test(wrong_files), cmocka_unit_test(damaged),    cmocka_unit_test(high),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

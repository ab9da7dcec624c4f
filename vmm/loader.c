/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loader.h"

/* What people pass by mistake. */
static const struct {
	unsigned offset, length;
	const char *magic, *why;
} wrong[] = {
	{0, 2, "\x1f\x8b", "compressed with gzip; unpack it first (gunzip)"},
	{0, 6,
	 "\xfd"
	 "7zXZ",
	 "compressed with xz; unpack it first (unxz)"},
	{0, 4, "\x28\xb5\x2f\xfd", "compressed with zstd; unpack it first (unzstd)"},
	{4, 4, "zimg", "a self-extracting EFI kernel; take the uncompressed Image out of it first"},
	{0x202, 4, "HdrS", "an x86 kernel, not arm64"},
	{0x24, 4, "\x18\x28\x6f\x01", "a 32-bit Arm zImage, not arm64"},
	{0, 6, "070701", "a cpio archive; give it as --initrd"},
	{0, 4, "\xd0\x0d\xfe\xed", "a device tree; give it as --dtb"},
	{0, 2, "#!", "a script"},
	{0, 8, "!<arch>\n", "an archive of object files"},
};

bool vmm_file_read(const char *path, uint64_t limit, struct vmm_file *file, struct vmm_error *error)
{
	size_t room = 0;
	struct stat st;
	ssize_t got;
	int fd;

	*file = (struct vmm_file){0};
	/*
	 * A FIFO nobody writes to must not hang the open; whatever a FIFO or device gives is still read to
	 * its end.
	 */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st)) {
		vmm_fail(error, VMM_IMAGE, "%s: %s", path, strerror(errno));
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		vmm_fail(error, VMM_IMAGE, "%s: %s, not a file", path,
			 S_ISDIR(st.st_mode) ? "a directory" : "a device or pipe");
		goto fail;
	}
	if ((uint64_t)st.st_size > limit) {
		vmm_fail(error, VMM_IMAGE,
			 "%s: %" PRIu64 " bytes, which is more than the %" PRIu64
			 " there is room for; see --mem",
			 path, (uint64_t)st.st_size, limit);
		goto fail;
	}
	/* The file may grow or shrink meanwhile: what counts is what was read. */
	room = (size_t)st.st_size;
	file->bytes = malloc(room ? room : 1);
	if (!file->bytes) {
		vmm_fail(error, VMM_INTERNAL, "%s: no memory for %zu bytes", path, room);
		goto fail;
	}
	while (file->size < room) {
		got = read(fd, file->bytes + file->size, room - file->size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			vmm_fail(error, VMM_IMAGE, "%s: %s", path, strerror(errno));
			goto fail;
		}
		if (!got)
			break;
		file->size += (size_t)got;
	}
	if (!file->size) {
		vmm_fail(error, VMM_IMAGE, "%s: an empty file", path);
		goto fail;
	}
	close(fd);
	return true;
fail:
	free(file->bytes);
	*file = (struct vmm_file){0};
	if (fd >= 0)
		close(fd);
	return false;
}

bool vmm_load_reserve(struct vmm_guest *guest, uint64_t address, uint64_t size)
{
	/* What is not RAM lies outside the limits of guest->used; a size that wraps ends below its start. */
	return size && sv_ranges_reserve(&guest->used, address, address + size - 1) == SV_OK;
}

static bool load_flat(const struct vmm_file *file, const char *name, const struct vmm_memory *memory,
		      struct vmm_guest *guest, struct vmm_error *error)
{
	if (!vmm_load_reserve(guest, memory->base, file->size))
		return vmm_fail(error, VMM_IMAGE, "%s: %zu bytes, RAM has %" PRIu64 "; see --mem", name,
				file->size, memory->size);
	guest->entry = memory->base;
	memcpy(memory->host, file->bytes, file->size);
	return true;
}

static bool has(const struct vmm_file *file, size_t offset, const char *magic, size_t length)
{
	return file->size >= offset + length && !memcmp(file->bytes + offset, magic, length);
}

bool vmm_load(const struct vmm_file *file, const char *name, bool flat, const struct vmm_memory *memory,
	      struct vmm_guest *guest, struct vmm_error *error)
{
	bool elf = has(file, 0, "\177ELF", 4);
	bool image = has(file, VMM_IMAGE_MAGIC_OFFSET, VMM_IMAGE_MAGIC, 4);

	memset(guest, 0, sizeof(*guest));
	sv_ranges_init(&guest->used, guest->ranges, sizeof(guest->ranges) / sizeof(*guest->ranges),
		       memory->base, memory->base + memory->size - 1);
	if (flat && (elf || image))
		return vmm_fail(error, VMM_IMAGE,
				"%s: %s; with --aarch32 only flat binaries are loaded (objcopy -O binary)",
				name, elf ? "an ELF file" : "an arm64 Image");
	if (elf)
		return vmm_load_elf(file, name, memory, guest, error);
	if (image)
		return vmm_load_image(file, name, memory, guest, error);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		if (has(file, wrong[i].offset, wrong[i].magic, wrong[i].length))
			return vmm_fail(error, VMM_IMAGE, "%s: %s", name, wrong[i].why);
	return load_flat(file, name, memory, guest, error);
}

bool vmm_load_high(const struct vmm_file *file, const char *name, uint64_t align,
		   const struct vmm_memory *memory, struct vmm_guest *guest, uint64_t *address,
		   struct vmm_error *error)
{
	uint64_t place = 0, end = memory->base + memory->size;

	/* Down from the end of RAM, below what was put there before. */
	for (size_t i = guest->used.count + 1; i-- > 0;) {
		if (file->size <= end - memory->base) {
			place = (end - file->size) & ~(align - 1);
			if (place >= memory->base && vmm_load_reserve(guest, place, file->size)) {
				memcpy(memory->host + (place - memory->base), file->bytes, file->size);
				*address = place;
				return true;
			}
		}
		if (i)
			end = guest->used.used[i - 1].first;
	}
	return vmm_fail(error, VMM_IMAGE, "%s: no room for its %zu bytes in RAM beside the guest; see --mem",
			name, file->size);
}

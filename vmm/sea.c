/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sea.h"
#include "vm.h"

#define PAGE_SIZE UINT64_C(4096)

/* strtoull alone would take signs, white space and other bases. */
static bool number(const char *text, size_t length, uint64_t *value)
{
	bool hex = length > 2 && text[0] == '0' && text[1] == 'x';
	char *end;

	if (!(hex ? isxdigit((unsigned char)text[2]) : isdigit((unsigned char)text[0])))
		return false;
	errno = 0;
	*value = strtoull(text, &end, hex ? 16 : 10);
	return !errno && end == text + length;
}

static const char *parse_word(const char *word, size_t length, struct vmm_sea *sea, unsigned *seen)
{
	enum { FNV, INSN, CLAIMED, TIMES };
	static const char *const names[] = {
		[FNV] = "fnv", [INSN] = "insn", [CLAIMED] = "claimed", [TIMES] = "times="};
	uint64_t times;

	for (unsigned i = FNV; i <= TIMES; i++) {
		size_t size = strlen(names[i]);

		if (i == TIMES ? length < size : length != size)
			continue;
		if (memcmp(word, names[i], size))
			continue;
		if (*seen & 1u << i)
			return "given twice";
		*seen |= 1u << i;
		if (i == TIMES) {
			if (!number(word + size, length - size, &times) || !times ||
			    times > VMM_SEA_TIMES_MAX)
				return "times= needs a number from 1 to 1000000";
			sea->times = (unsigned)times;
		}
		sea->fnv = *seen >> FNV & 1;
		sea->insn = *seen >> INSN & 1;
		sea->claimed = *seen >> CLAIMED & 1;
		/* A poisoned page is one for every access and for ever, and its address is known. */
		if (sea->claimed && *seen != 1u << CLAIMED)
			return "claimed goes with no other word";
		return NULL;
	}
	return "expected fnv, insn, claimed or times=N";
}

bool vmm_sea_parse(const char *text, struct vmm_sea *sea, struct vmm_sea_error *error)
{
	const char *word = text;
	size_t length = strcspn(word, ",");
	unsigned seen = 0;

	*sea = (struct vmm_sea){.text = text, .times = 1};
	*error = (struct vmm_sea_error){.column = 1, .why = "expected an address like 0x40200000"};
	if (!number(word, length, &sea->gpa))
		return false;
	sea->gpa &= -PAGE_SIZE;
	while (word[length]) {
		word += length + 1;
		length = strcspn(word, ",");
		error->column = (size_t)(word - text) + 1;
		error->why = parse_word(word, length, sea, &seen);
		if (error->why)
			return false;
	}
	error->why = NULL;
	return true;
}

bool vmm_sea_check(const struct vmm_config *config, struct vmm_error *error)
{
	for (size_t i = 0; i < config->sea_count; i++) {
		const struct vmm_sea *sea = &config->sea[i];

		if (sea->gpa < VMM_RAM_BASE || sea->gpa - VMM_RAM_BASE >= config->memory)
			return vmm_fail(error, VMM_USAGE,
					"--sea=%s: not in RAM, which is 0x%" PRIx64 "-0x%" PRIx64, sea->text,
					VMM_RAM_BASE, VMM_RAM_BASE + config->memory - 1);
	}
	return true;
}

/*
 * KVM maps a huge page of the host as one block: touching anything in it maps all of it, and nothing in it
 * faults again. The rest of RAM keeps its huge pages, since each fault stops the laboratory's machine.
 */
bool vmm_sea_prepare(struct vmm_vm *vm, struct vmm_error *error)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	/* What one last-level table of 8-byte descriptors maps. */
	uint64_t huge = page / sizeof(uint64_t) * page;

	for (size_t i = 0; i < vm->config->sea_count; i++) {
		uint64_t at = vm->config->sea[i].gpa - VMM_RAM_BASE;
		/* By the host's addresses, which is where it has its huge pages. */
		uint64_t skew = (uintptr_t)vm->ram & (huge - 1);
		uint64_t first = ((at + skew) & -huge), last = first + huge;

		first = first > skew ? first - skew : 0;
		last = last - skew < vm->config->memory ? last - skew : vm->config->memory;
		/* EINVAL: the host has no huge pages. */
		if (madvise(vm->ram + first, last - first, MADV_NOHUGEPAGE) && errno != EINVAL)
			return vmm_fail(error, VMM_INTERNAL, "--sea: MADV_NOHUGEPAGE: %s", strerror(errno));
	}
	return true;
}

/* The host's page, which may be larger than the guest's. */
static void *host_page(const struct vmm_vm *vm, const struct vmm_sea *sea, size_t *size)
{
	*size = (size_t)sysconf(_SC_PAGESIZE);
	return vm->ram + ((sea->gpa - VMM_RAM_BASE) & -(uint64_t)*size);
}

/*
 * Any change of a page's protection has KVM forget it (mmu_notifier_invalidate_range_start): this one takes
 * nothing away, so that a vCPU that comes in between is not refused, as it would be with PROT_NONE.
 */
static bool unmap(const struct vmm_vm *vm, const struct vmm_sea *sea)
{
	size_t size;
	void *page = host_page(vm, sea, &size);

	return !mprotect(page, size, PROT_READ | PROT_WRITE | PROT_EXEC) &&
	       !mprotect(page, size, PROT_READ | PROT_WRITE);
}

static void ignore(int signal)
{
}

/*
 * What firmware and the kernel's memory failure handling leave behind. Linux 7.2 signals the caller as well,
 * as if it had read the page, and blocking that signal would end the process.
 */
static bool poison(const struct vmm_vm *vm, const struct vmm_sea *sea)
{
	struct sigaction none = {.sa_handler = ignore}, before;
	size_t size;
	void *page = host_page(vm, sea, &size);
	volatile uint8_t *first = page;
	int rc, error;

	if (sigaction(SIGBUS, &none, &before))
		return false;
	/* One that was never written may be the zero page, which all share and which is refused (EBUSY). */
	*first = *first;
	rc = madvise(page, size, MADV_HWPOISON);
	error = errno;
	sigaction(SIGBUS, &before, NULL);
	errno = error;
	return !rc;
}

/* A line from the port, without its end. False if there is none. */
static bool answer_of(int port, int patience, char *answer, size_t room)
{
	for (size_t length = 0; length < room - 1;) {
		struct pollfd wait = {.fd = port, .events = POLLIN};
		int ready = poll(&wait, 1, patience);
		ssize_t n;

		if (ready < 0 && errno == EINTR)
			continue;
		n = ready > 0 ? read(port, answer + length, 1) : 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		if (answer[length] == '\n') {
			answer[length] = 0;
			return true;
		}
		length++;
	}
	return false;
}

bool vmm_sea_request(int port, const struct vmm_sea *sea, int patience, struct vmm_error *error)
{
	static const char refused[] = "refused ";
	char answer[256];

	if (dprintf(port, "arm 0x%" PRIx64 "%s%s,times=%u\n", sea->gpa, sea->fnv ? ",fnv" : "",
		    sea->insn ? ",insn" : "", sea->times) < 0 ||
	    !answer_of(port, patience, answer, sizeof(answer)))
		return vmm_fail(error, VMM_INTERNAL, "--sea=%s: the laboratory does not answer", sea->text);
	if (!strcmp(answer, "armed"))
		return true;
	if (!strncmp(answer, refused, sizeof(refused) - 1))
		return vmm_fail(error, VMM_UNAVAILABLE, "--sea=%s: %s", sea->text,
				answer + sizeof(refused) - 1);
	return vmm_fail(error, VMM_INTERNAL, "--sea=%s: the laboratory's answer makes no sense", sea->text);
}

static bool arm(struct vmm_vm *vm, int port, const struct vmm_sea *sea, struct vmm_error *error)
{
	if (sea->claimed)
		return poison(vm, sea) || vmm_fail(error, VMM_UNAVAILABLE, "--sea=%s: MADV_HWPOISON: %s",
						   sea->text, strerror(errno));
	if (!unmap(vm, sea))
		return vmm_fail(error, VMM_INTERNAL, "--sea=%s: mprotect: %s", sea->text, strerror(errno));
	return vmm_sea_request(port, sea, VMM_SEA_PATIENCE, error);
}

bool vmm_sea_arm(struct vmm_vm *vm, struct vmm_error *error)
{
	const struct vmm_kernel *kernel = vm->kernel;
	bool good = true;
	int port;

	if (!vm->config->sea_count)
		return true;
	if (kernel->poison) {
		for (size_t i = 0; i < vm->config->sea_count && good; i++)
			good = kernel->poison(kernel->backend.opaque, vm->vm_fd, &vm->config->sea[i], error);
		return good;
	}
	/* Also for what is claimed: it must not happen to the memory of a real host. */
	port = open(VMM_SEA_PORT, O_RDWR | O_CLOEXEC);
	if (port < 0)
		return vmm_fail(
			error, VMM_UNAVAILABLE,
			"--sea: %s: %s; memory errors are made only with --backend=soft and --backend=lab",
			VMM_SEA_PORT, strerror(errno));
	for (size_t i = 0; i < vm->config->sea_count && good; i++)
		good = arm(vm, port, &vm->config->sea[i], error);
	close(port);
	return good;
}

void vmm_sea_again(const struct vmm_vm *vm)
{
	for (size_t i = 0; i < vm->config->sea_count; i++)
		if (!vm->config->sea[i].claimed)
			unmap(vm, &vm->config->sea[i]);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* A VM with one vCPU, its slots and holes, and the loop around KVM_RUN. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <salvage/space.h>

#include "case.h"

/* Low addresses stay free for null pointers, high ones are there on every host (36 bits at least). */
#define FIRST_ADDRESS 0x01000000
#define LAST_ADDRESS  0xffffffff
/* Of regions, so that none shares a block of stage 2, or a host page, with another. */
#define REGION_ALIGN 0x200000
#define EXITS_MAX    1000

bool conform_place(struct conform_region regions[REGIONS], uint64_t limit)
{
	static const struct {
		enum conform_region_name region;
		uint64_t size;
	} wanted[] = {
		{REGION_ROM, CONFORM_ROM_SIZE},
		{REGION_EXTRA, CONFORM_EXTRA_SIZE + CONFORM_HOLE_SIZE}, /* with BEYOND right behind */
		{REGION_HOLE, CONFORM_HOLE_SIZE},
		{REGION_CHANNEL, CHANNEL_SIZE},
	};
	struct sv_range used[REGIONS + 1];
	struct sv_ranges ranges;

	sv_ranges_init(&ranges, used, sizeof(used) / sizeof(*used), FIRST_ADDRESS, limit);
	regions[REGION_RAM].first = CONFORM_RAM;
	regions[REGION_RAM].size = CONFORM_RAM_SIZE;
	if (sv_ranges_reserve(&ranges, CONFORM_RAM, CONFORM_RAM + CONFORM_RAM_SIZE - 1))
		return false;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		struct conform_region *region = &regions[wanted[i].region];

		region->size = wanted[i].size;
		if (sv_ranges_allocate(&ranges, region->size, REGION_ALIGN, &region->first))
			return false;
	}
	regions[REGION_EXTRA].size = CONFORM_EXTRA_SIZE;
	regions[REGION_BEYOND].first = regions[REGION_EXTRA].first + CONFORM_EXTRA_SIZE;
	regions[REGION_BEYOND].size = CONFORM_HOLE_SIZE;
	return true;
}

int conform_vm_ioctl(struct conform *conform, unsigned long request, void *argument)
{
	return vmm_ioctl(conform->kernel, conform->vm, request, argument);
}

int conform_vcpu_ioctl(struct conform *conform, unsigned long request, void *argument)
{
	return vmm_ioctl(conform->kernel, conform->vcpu, request, argument);
}

int conform_check(struct conform *conform, unsigned capability)
{
	return vmm_ioctl_number(conform->kernel, conform->vm, SV_KVM_CHECK_EXTENSION, capability);
}

int conform_enable(struct conform *conform, unsigned capability)
{
	struct sv_kvm_enable_cap cap = {.cap = capability};

	return conform_vm_ioctl(conform, SV_KVM_ENABLE_CAP, &cap);
}

uint64_t conform_get(struct conform *conform, uint64_t id)
{
	uint64_t value = 0;
	struct sv_kvm_one_reg reg = {.id = id, .addr = (uintptr_t)&value};
	int rc = conform_vcpu_ioctl(conform, SV_KVM_GET_ONE_REG, &reg);

	if (rc < 0)
		conform_die(conform, "KVM_GET_ONE_REG of 0x%" PRIx64 ": %s", id, conform_errno(-rc));
	return value;
}

void conform_set(struct conform *conform, uint64_t id, uint64_t value)
{
	struct sv_kvm_one_reg reg = {.id = id, .addr = (uintptr_t)&value};
	int rc = conform_vcpu_ioctl(conform, SV_KVM_SET_ONE_REG, &reg);

	if (rc < 0)
		conform_die(conform, "KVM_SET_ONE_REG of 0x%" PRIx64 ": %s", id, conform_errno(-rc));
}

int conform_slot(struct conform *conform, unsigned slot, unsigned flags, uint64_t gpa, uint64_t size,
		 void *host)
{
	struct sv_kvm_userspace_memory_region region = {.slot = slot,
							.flags = flags,
							.guest_phys_addr = gpa,
							.memory_size = size,
							.userspace_addr = (uintptr_t)host};

	return conform_vm_ioctl(conform, SV_KVM_SET_USER_MEMORY_REGION, &region);
}

void conform_open(struct conform *conform)
{
	struct vmm_error error;

	conform->kvm = conform->kernel->open(conform->kernel->backend.opaque, &error);
	if (conform->kvm < 0)
		conform_die(conform, "%s", error.text);
}

void conform_create_vm(struct conform *conform)
{
	int bits = vmm_ioctl_number(conform->kernel, conform->kvm, SV_KVM_CHECK_EXTENSION,
				    SV_KVM_CAP_ARM_VM_IPA_SIZE);

	/* 0 stands for 40 bits, which a host may not have. */
	conform->vm = vmm_ioctl_number(conform->kernel, conform->kvm, SV_KVM_CREATE_VM,
				       bits > 0 && bits < 40 ? (unsigned long)bits : 0);
	if (conform->vm < 0)
		conform_die(conform, "KVM_CREATE_VM: %s", conform_errno(-conform->vm));
}

void conform_create_vcpu(struct conform *conform)
{
	struct sv_kvm_vcpu_init init = {0};
	int size = vmm_ioctl_number(conform->kernel, conform->kvm, SV_KVM_GET_VCPU_MMAP_SIZE, 0), rc;

	conform->vcpu = vmm_ioctl_number(conform->kernel, conform->vm, SV_KVM_CREATE_VCPU, 0);
	if (conform->vcpu < 0)
		conform_die(conform, "KVM_CREATE_VCPU: %s", conform_errno(-conform->vcpu));
	if (size < (int)sizeof(struct sv_kvm_run))
		conform_die(conform, "KVM_GET_VCPU_MMAP_SIZE: %d", size);
	conform->run_size = (size_t)size;
	conform->run =
		conform->kernel->map(conform->kernel->backend.opaque, conform->vcpu, conform->run_size);
	if (!conform->run)
		conform_die(conform, "the vCPU's shared page: %s", conform_errno(errno));
	rc = conform_vm_ioctl(conform, SV_KVM_ARM_PREFERRED_TARGET, &init);
	init.features[0] |= 1u << SV_KVM_ARM_VCPU_PSCI_0_2;
	if (!rc)
		rc = conform_vcpu_ioctl(conform, SV_KVM_ARM_VCPU_INIT, &init);
	if (rc < 0)
		conform_die(conform, "KVM_ARM_VCPU_INIT: %s", conform_errno(-rc));
}

static void add_memory(struct conform *conform, enum conform_region_name name, unsigned slot, unsigned flags)
{
	struct conform_region *region = &conform->regions[name];
	int rc;

	region->host = mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (region->host == MAP_FAILED)
		conform_die(conform, "memory: %s", conform_errno(errno));
	/* Each page for itself: what the first touch of one does to another is the host's configuration. */
	madvise(region->host, region->size, MADV_NOHUGEPAGE);
	rc = conform_slot(conform, slot, flags, region->first, region->size, region->host);
	if (rc < 0)
		conform_die(conform, "KVM_SET_USER_MEMORY_REGION: %s", conform_errno(-rc));
}

/* Bytes, instructions, and tables that map RAM: as the guests' files say. */
static void fill_rom(uint8_t *rom)
{
	static const uint32_t ret = 0xd65f03c0;
	/* Level 2 blocks: write-back, shareable; with the access flag, and without. */
	uint64_t block = CONFORM_RAM | 0x305, accessed = block | 0x400;

	for (unsigned i = 0; i < ROM_TABLE; i++)
		rom[i] = (uint8_t)(i * 7 + 0x81);
	memcpy(rom + 0x10, &ret, sizeof(ret));
	memcpy(rom + ROM_TABLE, &accessed, sizeof(accessed));
	memcpy(rom + ROM_TABLE_NO_AF, &block, sizeof(block));
}

static void enable_wanted(struct conform *conform)
{
	static const struct {
		unsigned flag, capability;
		const char *name;
	} wanted[] = {
		{CASE_NISV, SV_KVM_CAP_ARM_NISV_TO_USER, "KVM_CAP_ARM_NISV_TO_USER"},
		{CASE_SEA, SV_KVM_CAP_ARM_SEA_TO_USER, "KVM_CAP_ARM_SEA_TO_USER"},
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		int rc;

		if (!(conform->row->flags & wanted[i].flag))
			continue;
		if (conform_check(conform, wanted[i].capability) <= 0)
			conform_skip(conform, "%s is not there", wanted[i].name);
		rc = conform_enable(conform, wanted[i].capability);
		if (rc < 0)
			conform_die(conform, "%s: %s", wanted[i].name, conform_errno(-rc));
	}
}

void conform_start(struct conform *conform)
{
	const char *name = conform->row->guest ? conform->row->guest : conform->row->name;
	static const enum conform_region_name given[] = {
		[PARAMETER_HOLE] = REGION_HOLE,
		[PARAMETER_ROM] = REGION_ROM,
		[PARAMETER_EXTRA] = REGION_EXTRA,
		[PARAMETER_BEYOND] = REGION_BEYOND,
	};
	uint64_t function = conform_guest(name);

	if (conform->row->flags & CASE_HOST && conform->backend->model)
		conform_skip(conform, "the host's memory management has no part in a model");
	if (!function)
		conform_die(conform, "no guest is called %s", name);
	if (!conform_place(conform->regions, LAST_ADDRESS))
		conform_die(conform, "no room for the regions");
	conform_open(conform);
	conform_create_vm(conform);
	enable_wanted(conform);
	add_memory(conform, REGION_RAM, SLOT_RAM, 0);
	add_memory(conform, REGION_ROM, SLOT_ROM, SV_KVM_MEM_READONLY);
	add_memory(conform, REGION_EXTRA, SLOT_EXTRA, 0);
	memcpy(conform->regions[REGION_RAM].host, conform_image, conform_image_size);
	fill_rom(conform->regions[REGION_ROM].host);
	for (size_t i = 0; i < sizeof(given) / sizeof(*given); i++)
		conform->parameter[i] = conform->regions[given[i]].first;
	conform->parameter[PARAMETER_PAGE] = (uint64_t)sysconf(_SC_PAGESIZE);
	conform->vectors = conform_guest_vectors();
	conform_create_vcpu(conform);
	conform_set(conform, CONFORM_PC, CONFORM_RAM);
	conform_set(conform, SV_KVM_CORE(0), conform->regions[REGION_CHANNEL].first);
	conform_set(conform, SV_KVM_CORE(8), function);
}

static void say_failure(struct conform *conform)
{
	const struct sv_kvm_run *run = conform->run;
	char address[CONFORM_ADDRESS];

	conform_line(conform, "run: %s", conform_errno(conform->error));
	if ((conform->error == EFAULT || conform->error == EHWPOISON) &&
	    run->exit_reason == SV_KVM_EXIT_MEMORY_FAULT)
		conform_line(conform, "memory fault: flags 0x%" PRIx64 " gpa %s, %s", run->memory_fault.flags,
			     conform_address(conform, run->memory_fault.gpa, address),
			     run->memory_fault.size == conform->parameter[PARAMETER_PAGE] ? "one page"
											  : "another size");
}

static void say_mmio(struct conform *conform)
{
	const struct sv_kvm_run *run = conform->run;
	char address[CONFORM_ADDRESS], bytes[3 * 8 + 1] = "";

	conform_address(conform, run->mmio.phys_addr, address);
	for (unsigned i = 0; i < run->mmio.len && i < 8; i++)
		sprintf(bytes + 3 * i, " %02x", run->mmio.data[i]);
	if (run->mmio.is_write)
		conform_line(conform, "mmio write %u at %s:%s", run->mmio.len, address, bytes);
	else
		conform_line(conform, "mmio read %u at %s", run->mmio.len, address);
}

/*
 * The level, which depends on what the host has mapped and how, is left out (DDI 0487, ISS of a data abort).
 */
static const char *fault_status(uint64_t fsc, char *text)
{
	static const char *const names[] = {"address size", "translation", "access flag", "permission"};

	if (fsc < 16)
		return names[fsc / 4];
	sprintf(text, "0x%" PRIx64, fsc);
	return text;
}

static void say_iss(struct conform *conform, const char *name)
{
	const struct sv_kvm_run *run = conform->run;
	char address[CONFORM_ADDRESS], pc[CONFORM_ADDRESS], status[24], other[40] = "";
	uint64_t iss = run->arm_nisv.esr_iss, rest = iss & ~UINT64_C(0x17f);

	if (rest)
		snprintf(other, sizeof(other), " other 0x%" PRIx64, rest);
	conform_line(conform, "%s: cm %u wnr %u fsc %s%s at %s, pc %s", name, (unsigned)(iss >> 8 & 1),
		     (unsigned)(iss >> 6 & 1), fault_status(iss & 0x3f, status), other,
		     conform_address(conform, run->arm_nisv.fault_ipa, address),
		     conform_address(conform, conform_get(conform, CONFORM_PC), pc));
}

static void say_sea(struct conform *conform)
{
	const struct sv_kvm_run *run = conform->run;
	char gva[CONFORM_ADDRESS], gpa[CONFORM_ADDRESS];
	bool fnv = run->arm_sea.esr >> 10 & 1, valid = run->arm_sea.flags & 1;

	/* What is not valid may be anything. */
	conform_line(conform, "sea: flags 0x%" PRIx64 " esr 0x%" PRIx64 " gva %s gpa %s", run->arm_sea.flags,
		     run->arm_sea.esr, fnv ? "-" : conform_address(conform, run->arm_sea.gva, gva),
		     valid ? conform_address(conform, run->arm_sea.gpa, gpa) : "-");
}

static void say_system_event(struct conform *conform)
{
	static const char *const names[] = {"0", "shutdown", "reset", "crash"};
	const struct sv_kvm_run *run = conform->run;
	uint32_t type = run->system_event.type;

	if (type < sizeof(names) / sizeof(*names))
		conform_line(conform, "system event: %s, flags 0x%" PRIx64, names[type],
			     run->system_event.ndata ? run->system_event.data[0] : 0);
	else
		conform_line(conform, "system event: %u", type);
}

static void say_debug(struct conform *conform)
{
	char pc[CONFORM_ADDRESS];

	conform_line(conform, "debug: ec 0x%x, pc %s", conform->run->debug.hsr >> 26,
		     conform_address(conform, conform_get(conform, CONFORM_PC), pc));
}

static void say_exit(struct conform *conform)
{
	switch (conform->run->exit_reason) {
	case SV_KVM_EXIT_MMIO:
		say_mmio(conform);
		break;
	case SV_KVM_EXIT_ARM_NISV:
		say_iss(conform, "nisv");
		break;
	case SV_KVM_EXIT_ARM_LDST64B:
		say_iss(conform, "ldst64b");
		break;
	case SV_KVM_EXIT_ARM_SEA:
		say_sea(conform);
		break;
	case SV_KVM_EXIT_SYSTEM_EVENT:
		say_system_event(conform);
		break;
	case SV_KVM_EXIT_DEBUG:
		say_debug(conform);
		break;
	default:
		conform_line(conform, "exit %u", conform->run->exit_reason);
	}
}

/* True: the access was the channel's; *event is set, unless the guest simply goes on. */
static bool channel(struct conform *conform, enum conform_event *event, bool *going)
{
	const struct conform_region *region = &conform->regions[REGION_CHANNEL];
	struct sv_kvm_run *run = conform->run;
	uint64_t offset = run->mmio.phys_addr - region->first;
	char text[CONFORM_TEXT];

	if (run->exit_reason != SV_KVM_EXIT_MMIO || run->mmio.phys_addr < region->first ||
	    offset >= region->size)
		return false;
	*going = false;
	switch (conform_channel(conform, offset, run->mmio.len, run->mmio.is_write, run->mmio.data, text)) {
	case TOLD_NOTHING:
		*going = true;
		if (text[0])
			conform_line(conform, "%s", text);
		break;
	case TOLD_SYNC:
		*event = CONFORM_SYNC;
		break;
	case TOLD_DONE:
		conform_line(conform, "done");
		*event = CONFORM_DONE;
		break;
	case TOLD_SKIP:
		conform_skip(conform, "%s", text);
	case TOLD_FAILED:
		conform_die(conform, "%s", text);
	}
	return true;
}

enum conform_event conform_run(struct conform *conform)
{
	enum conform_event event = CONFORM_EXIT;
	bool going = true;

	while (going) {
		int rc = vmm_ioctl_number(conform->kernel, conform->vcpu, SV_KVM_RUN, 0);

		if (++conform->exits > EXITS_MAX)
			conform_die(conform, "more than %d exits", EXITS_MAX);
		if (rc < 0) {
			conform->error = -rc;
			say_failure(conform);
			return CONFORM_FAILED;
		}
		if (!channel(conform, &event, &going)) {
			say_exit(conform);
			return CONFORM_EXIT;
		}
	}
	return event;
}

void conform_until(struct conform *conform, enum conform_event event)
{
	static const char *const names[] = {[CONFORM_DONE] = "the end",
					    [CONFORM_SYNC] = "a sync",
					    [CONFORM_FAILED] = "a failure",
					    [CONFORM_EXIT] = "an exit"};
	enum conform_event is = conform_run(conform);

	if (is != event)
		conform_die(conform, "%s came, where %s was awaited", names[is], names[event]);
}

void conform_complete(struct conform *conform)
{
	int rc;

	conform->run->immediate_exit = 1;
	rc = vmm_ioctl_number(conform->kernel, conform->vcpu, SV_KVM_RUN, 0);
	conform->run->immediate_exit = 0;
	if (rc != -EINTR)
		conform_die(conform, "KVM_RUN with immediate_exit: %s", rc < 0 ? conform_errno(-rc) : "0");
}

void conform_answer(struct conform *conform)
{
	static const uint8_t data[8] = CONFORM_DATA;

	if (conform->run->exit_reason == SV_KVM_EXIT_MMIO && !conform->run->mmio.is_write)
		memcpy(conform->run->mmio.data, data, sizeof(data));
}

void conform_skip_instruction(struct conform *conform)
{
	conform_set(conform, CONFORM_PC, conform_get(conform, CONFORM_PC) + 4);
}

void conform_drive(struct conform *conform)
{
	for (;;) {
		switch (conform_run(conform)) {
		case CONFORM_DONE:
			return;
		case CONFORM_SYNC:
			break;
		case CONFORM_FAILED:
			if (conform->error != ENOSYS)
				return;
			conform_skip_instruction(conform);
			break;
		case CONFORM_EXIT:
			if (conform->run->exit_reason == SV_KVM_EXIT_MMIO)
				conform_answer(conform);
			else if (conform->run->exit_reason == SV_KVM_EXIT_ARM_NISV ||
				 conform->run->exit_reason == SV_KVM_EXIT_ARM_LDST64B)
				conform_skip_instruction(conform);
			else
				return;
		}
	}
}

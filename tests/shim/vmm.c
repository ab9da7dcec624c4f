/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <libfdt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "vmm.h"

/* Small numbers for softkvm's descriptors, as a process has them. */
#define FIRST_FD 10000
#define FDS      64

static struct vmm *current;
static int fds[FDS];
static unsigned fd_count;

/* What the guest does at the end, and in each of its vectors: SYSTEM_OFF. */
static const uint32_t off[] = {
	0x52800100, /* mov w0, #8 */
	0x72b08000, /* movk w0, #0x8400, lsl #16 */
	0xd4000002, /* hvc #0 */
};

static int number_of(int soft_fd)
{
	fds[fd_count] = soft_fd;
	return FIRST_FD + (int)fd_count++;
}

static int soft_fd(int fd)
{
	return fd >= FIRST_FD && fd < FIRST_FD + (int)fd_count ? fds[fd - FIRST_FD] : -1;
}

int vmm_dup(struct vmm *vmm, int fd)
{
	int copy = number_of(soft_fd(fd));

	shim_object_alias(fd, copy);
	return copy;
}

static int kernel_ioctl(int fd, unsigned long request, ...)
{
	struct sv_kvm_create_device *device;
	va_list arguments;
	void *argument;
	int rc;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	rc = sv_soft_ioctl(current->soft, soft_fd(fd), request, argument);
	if (rc < 0) {
		errno = -rc;
		return -1;
	}
	if (request == SV_KVM_CREATE_VM || request == SV_KVM_CREATE_VCPU)
		return number_of(rc);
	device = argument;
	if (request == SV_KVM_CREATE_DEVICE)
		device->fd = (uint32_t)number_of((int)device->fd);
	return rc;
}

static int kernel_fstat(int fd, struct stat *status)
{
	*status = (struct stat){.st_mode = S_IFCHR, .st_rdev = makedev(10, fd == current->kvm ? 232 : 1)};
	return 0;
}

/* The helper: tells the window of the tree, without reading it, and keeps everything. */
static void *helper(void *opaque)
{
	struct vmm *vmm = opaque;
	struct shim_channel *channel = vmm->channel;

	for (;;) {
		bool over = atomic_load(&vmm->over);
		const struct shim_message *message = shim_channel_next(channel, over ? 0 : 100);

		if (!message && over)
			return NULL;
		if (!message)
			continue;
		if (message->kind == SHIM_LOOK) {
			channel->tree_usable = !atomic_load(&vmm->tree_unusable) &&
					       !fdt_check_full(channel->tree, channel->tree_size);
			channel->windows[0] =
				(struct shim_window){DEVICE, DEVICE + 0xfff, false, "/uart@9000000"};
			channel->windows[1] =
				(struct shim_window){0x08000000, 0x0800ffff, true, "/intc@8000000"};
			channel->window_count = 2;
		}
		if (vmm->message_count < VMM_MESSAGES)
			vmm->messages[vmm->message_count++] = *message;
		shim_channel_done(channel);
	}
}

const struct shim_message *vmm_told(struct vmm *vmm, enum shim_kind kind)
{
	unsigned head = atomic_load(&vmm->channel->head);

	if (head)
		assert_true(shim_channel_wait(vmm->channel, head - 1, 10000));
	for (unsigned i = vmm->message_count; i--;)
		if (vmm->messages[i].kind == kind)
			return &vmm->messages[i];
	return NULL;
}

int vmm_ioctl(struct vmm *vmm, int fd, unsigned long request, void *argument)
{
	struct shim_vcpu *vcpu = shim_vcpu_of(fd);
	int rc = (uint32_t)request == SV_KVM_RUN && vcpu ? shim_run(vcpu, fd, argument)
							 : shim_request(fd, request, argument);

	return rc < 0 ? -errno : rc;
}

int vmm_run(struct vmm *vmm)
{
	return vmm_ioctl(vmm, vmm->vcpu, SV_KVM_RUN, NULL);
}

int vmm_slot(struct vmm *vmm, uint32_t slot, uint32_t flags, uint64_t gpa, uint64_t size, void *host)
{
	struct sv_kvm_userspace_memory_region region = {slot, flags, gpa, size, (uintptr_t)host};

	return vmm_ioctl(vmm, vmm->vm, SV_KVM_SET_USER_MEMORY_REGION, &region);
}

int vmm_enable(struct vmm *vmm, uint32_t capability)
{
	struct sv_kvm_enable_cap cap = {.cap = capability};

	return vmm_ioctl(vmm, vmm->vm, SV_KVM_ENABLE_CAP, &cap);
}

int vmm_doorbell(struct vmm *vmm, uint64_t ipa, uint32_t length, int fd, uint32_t flags, uint64_t value)
{
	struct sv_kvm_ioeventfd ioeventfd = {
		.addr = ipa, .len = length, .fd = fd, .flags = flags, .datamatch = value};

	return vmm_ioctl(vmm, vmm->vm, SV_KVM_IOEVENTFD, &ioeventfd);
}

void vmm_init_vcpu(struct vmm *vmm, int fd)
{
	struct sv_kvm_vcpu_init init = {0};

	assert_int_equal(sv_soft_ioctl(vmm->soft, soft_fd(vmm->vm), SV_KVM_ARM_PREFERRED_TARGET, &init), 0);
	init.features[0] |= 1u << SV_KVM_ARM_VCPU_PSCI_0_2;
	assert_int_equal(vmm_ioctl(vmm, fd, SV_KVM_ARM_VCPU_INIT, &init), 0);
}

int vmm_add_vcpu(struct vmm *vmm, unsigned id)
{
	int fd = vmm_ioctl(vmm, vmm->vm, SV_KVM_CREATE_VCPU, (void *)(uintptr_t)id);
	struct shim_vcpu *vcpu;

	assert_true(fd >= 0);
	vcpu = shim_vcpu_of(fd);
	if (vcpu)
		atomic_store(&vcpu->run, sv_soft_run_page(vmm->soft, soft_fd(fd)));
	vmm_init_vcpu(vmm, fd);
	return fd;
}

uint64_t vmm_get(struct vmm *vmm, uint64_t id)
{
	uint64_t value = 0;
	struct sv_kvm_one_reg reg = {id, (uintptr_t)&value};

	assert_int_equal(sv_soft_ioctl(vmm->soft, soft_fd(vmm->vcpu), SV_KVM_GET_ONE_REG, &reg), 0);
	return value;
}

void vmm_set(struct vmm *vmm, uint64_t id, uint64_t value)
{
	struct sv_kvm_one_reg reg = {id, (uintptr_t)&value};

	assert_int_equal(sv_soft_ioctl(vmm->soft, soft_fd(vmm->vcpu), SV_KVM_SET_ONE_REG, &reg), 0);
}

static void write_tree(struct vmm *vmm, unsigned flags)
{
	uint8_t *at = vmm->ram + (flags & (VMM_TREE_X0 | VMM_TREE_STUB) ? 0x123450 : 0);

	if (flags & VMM_TREE_FAR)
		at = vmm->ram + (TREE - RAM);
	if (flags & VMM_NO_TREE)
		return;
	assert_int_equal(fdt_create_empty_tree(at, 4096), 0);
	if (flags & VMM_TREE_X0)
		vmm_set(vmm, X(0), RAM + 0x123450);
	if (flags & VMM_TREE_STUB)
		memcpy(vmm->ram + (CODE - RAM) + 0x1c, &(uint64_t){RAM + 0x123450}, 8);
}

static void write_code(struct vmm *vmm, const uint32_t *code)
{
	uint8_t *at = vmm->ram + (CODE - RAM);
	size_t count = 0;

	while (code[count])
		count++;
	memcpy(at, code, count * 4);
	memcpy(at + count * 4, off, sizeof(off));
	for (unsigned vector = 0; vector < 16; vector++)
		memcpy(vmm->ram + (VECTORS - RAM) + vector * 0x80, off, sizeof(off));
}

static void add_rules(const char *const *rules)
{
	struct sv_rule_error error;
	struct sv_rule rule;

	shim_policy = (struct sv_policy){shim_channel->rules, SHIM_RULES, 0};
	for (; rules && *rules; rules++) {
		assert_int_equal(sv_rule_parse(*rules, strlen(*rules), &rule, &error), SV_OK);
		assert_int_equal(sv_policy_add(&shim_policy, &rule, NULL), SV_OK);
	}
}

void vmm_open(struct vmm *vmm, const uint32_t *code, unsigned flags, const char *const *policy,
	      const struct sv_soft_config *config)
{
	int fd;

	memset(vmm, 0, sizeof(*vmm));
	current = vmm;
	fd_count = 0;
	vmm->soft = sv_soft_new(config);
	vmm->channel = shim_channel = shim_channel_make(&fd);
	assert_non_null(vmm->channel);
	close(fd);
	add_rules(policy);
	shim_system.ioctl = kernel_ioctl;
	shim_system.fstat = kernel_fstat;
	shim_system.close = close;
	assert_int_equal(sv_kvm_watch(), SV_OK);
	assert_int_equal(pthread_create(&vmm->helper, NULL, helper, vmm), 0);

	vmm->kvm = number_of(sv_soft_open(vmm->soft));
	vmm->vm = vmm_ioctl(vmm, vmm->kvm, SV_KVM_CREATE_VM, NULL);
	assert_true(vmm->vm >= 0);
	vmm->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_int_equal(vmm_slot(vmm, 0, 0, RAM, RAM_SIZE, vmm->ram), 0);
	vmm->vcpu = vmm_add_vcpu(vmm, 0);
	vmm->run = sv_soft_run_page(vmm->soft, soft_fd(vmm->vcpu));
	write_code(vmm, code);
	write_tree(vmm, flags);
	vmm_set(vmm, PC, CODE);
	vmm_set(vmm, VBAR, VECTORS);
	/* Where the tree is not what x0 is for, it is where the guest's code begins. */
	if (!(flags & VMM_TREE_X0))
		vmm_set(vmm, X(0), DEVICE);
}

void vmm_close(struct vmm *vmm)
{
	for (int fd = FIRST_FD; fd < FIRST_FD + (int)fd_count; fd++)
		shim_object_close(fd);
	atomic_store(&vmm->over, true);
	shim_channel_ring(vmm->channel);
	pthread_join(vmm->helper, NULL);
	sv_soft_free(vmm->soft);
	munmap(vmm->ram, RAM_SIZE);
	munmap(vmm->channel, sizeof(*vmm->channel));
	shim_channel = NULL;
}

static void expect_access(struct vmm *vmm, uint64_t ipa, unsigned size, bool write)
{
	int rc = vmm_run(vmm);

	if (rc || vmm->run->exit_reason != SV_KVM_EXIT_MMIO || vmm->run->mmio.phys_addr != ipa ||
	    vmm->run->mmio.len != size || vmm->run->mmio.is_write != write)
		fail_msg("KVM_RUN: %d, exit %u, %s of %u bytes at 0x%llx", rc, vmm->run->exit_reason,
			 vmm->run->mmio.is_write ? "write" : "read", vmm->run->mmio.len,
			 (unsigned long long)vmm->run->mmio.phys_addr);
}

void vmm_expect_write(struct vmm *vmm, uint64_t ipa, unsigned size, uint64_t data)
{
	uint64_t written;

	expect_access(vmm, ipa, size, true);
	memcpy(&written, vmm->run->mmio.data, 8);
	assert_int_equal(written, data);
}

void vmm_expect_read(struct vmm *vmm, uint64_t ipa, unsigned size, uint64_t data)
{
	expect_access(vmm, ipa, size, false);
	memcpy(vmm->run->mmio.data, &data, size);
}

void vmm_expect_off(struct vmm *vmm)
{
	assert_int_equal(vmm_run(vmm), 0);
	assert_int_equal(vmm->run->exit_reason, SV_KVM_EXIT_SYSTEM_EVENT);
	assert_int_equal(vmm->run->system_event.type, SV_KVM_SYSTEM_EVENT_SHUTDOWN);
}

void vmm_expect_abort(struct vmm *vmm, uint64_t esr, uint64_t far)
{
	vmm_expect_off(vmm);
	/* It came by a vector, not by the end of the code. */
	assert_int_equal(vmm_get(vmm, PC) & ~UINT64_C(0x7ff), VECTORS);
	assert_int_equal(vmm_get(vmm, ESR), esr);
	assert_int_equal(vmm_get(vmm, FAR), far);
}

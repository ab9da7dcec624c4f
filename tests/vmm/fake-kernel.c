/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "support/check.h"

#include "fake-kernel.h"

enum { KVM_FD = 1000, VM_FD, GIC_FD, VCPU_FD };

uint64_t *fake_register(struct fake_kernel *kernel, unsigned vcpu, uint64_t id)
{
	uint64_t *value;

	pthread_mutex_lock(&kernel->lock);
	for (unsigned i = 0; i < kernel->reg_count[vcpu]; i++)
		if (kernel->regs[vcpu][i].id == id) {
			value = &kernel->regs[vcpu][i].value;
			pthread_mutex_unlock(&kernel->lock);
			return value;
		}
	kernel->regs[vcpu][kernel->reg_count[vcpu]].id = id;
	value = &kernel->regs[vcpu][kernel->reg_count[vcpu]++].value;
	pthread_mutex_unlock(&kernel->lock);
	return value;
}

uint32_t *fake_gic_register(struct fake_kernel *kernel, uint32_t group, uint64_t attr)
{
	unsigned i;

	pthread_mutex_lock(&kernel->lock);
	for (i = 0; i < kernel->gic_reg_count; i++)
		if (kernel->gic_regs[i].group == group && kernel->gic_regs[i].attr == attr)
			break;
	assert_true(i < COUNT(kernel->gic_regs));
	kernel->gic_regs[i].group = group;
	kernel->gic_regs[i].attr = attr;
	if (i == kernel->gic_reg_count)
		kernel->gic_reg_count++;
	pthread_mutex_unlock(&kernel->lock);
	return &kernel->gic_regs[i].value;
}

/* Registers only: they are not to be had while a vCPU runs. */
static int gic_attr(struct fake_kernel *kernel, bool write, const struct sv_kvm_device_attr *attr)
{
	uint32_t *reg;

	if (attr->group != SV_KVM_DEV_ARM_VGIC_GRP_DIST_REGS &&
	    attr->group != SV_KVM_DEV_ARM_VGIC_GRP_REDIST_REGS)
		return write ? 0 : -ENXIO;
	if (kernel->inside) {
		kernel->gic_busy++;
		return -EBUSY;
	}
	if (kernel->gic_attr_error)
		return kernel->gic_attr_error;
	kernel->gic_accesses++;
	reg = fake_gic_register(kernel, attr->group, attr->attr);
	if (write)
		*reg = *(const uint32_t *)(uintptr_t)attr->addr;
	else
		*(uint32_t *)(uintptr_t)attr->addr = *reg;
	return 0;
}

static int extension(struct fake_kernel *kernel, uint32_t capability)
{
	for (size_t i = 0; i < COUNT(kernel->without); i++)
		if (kernel->without[i] == capability)
			return 0;
	return capability == SV_KVM_CAP_ARM_VM_IPA_SIZE ? kernel->ipa_bits : 1;
}

static int run(struct fake_kernel *kernel, unsigned vcpu)
{
	struct sv_kvm_run *page = kernel->run[vcpu];
	const struct fake_run *script = kernel->script[vcpu],
			      *step = script ? &script[kernel->at[vcpu]] : NULL;

	if (__atomic_load_n(&page->immediate_exit, __ATOMIC_SEQ_CST))
		return -EINTR;
	/* A vCPU that PSCI has not started, and one whose script is over, sleep until they are kicked. */
	if (!step || step->rc == FAKE_BLOCK) {
		if (step && step->look)
			step->look(kernel, page);
		while (!__atomic_load_n(&page->immediate_exit, __ATOMIC_SEQ_CST))
			if (poll(NULL, 0, -1) < 0) {
				/* Nothing else interrupts: whoever kicks has set it before. */
				assert_true(__atomic_load_n(&page->immediate_exit, __ATOMIC_SEQ_CST));
				break;
			}
		return -EINTR;
	}
	kernel->at[vcpu]++;
	if (step->look)
		step->look(kernel, page);
	page->exit_reason = step->reason;
	if (step->fill)
		step->fill(page);
	return step->rc;
}

static int create_device(struct fake_kernel *kernel, struct sv_kvm_create_device *device)
{
	if (kernel->gic_error)
		return kernel->gic_error;
	assert_int_equal(device->type, SV_KVM_DEV_TYPE_ARM_VGIC_V3);
	device->fd = GIC_FD;
	kernel->open_fds++;
	return 0;
}

static int fake_ioctl(void *opaque, int fd, unsigned long request, void *argument)
{
	struct fake_kernel *kernel = opaque;
	unsigned vcpu = fd >= VCPU_FD ? (unsigned)(fd - VCPU_FD) : 0;
	struct sv_kvm_one_reg *reg = argument;

	assert_true(vcpu < FAKE_VCPUS);
	if (request == SV_KVM_RUN) {
		int rc;

		kernel->inside++;
		rc = run(kernel, vcpu);
		kernel->inside--;
		return rc;
	}
	if (kernel->requests++ == kernel->fail_at)
		return -kernel->fail_error;
	switch (request) {
	case SV_KVM_GET_API_VERSION:
		return SV_KVM_API_VERSION;
	case SV_KVM_GET_VCPU_MMAP_SIZE:
		return 0x1000;
	case SV_KVM_CREATE_VM:
		assert_int_equal(fd, KVM_FD);
		kernel->open_fds++;
		return VM_FD;
	case SV_KVM_CHECK_EXTENSION:
		return extension(kernel, (uint32_t)(uintptr_t)argument);
	case SV_KVM_ENABLE_CAP:
		if (((struct sv_kvm_enable_cap *)argument)->cap == SV_KVM_CAP_ARM_MTE) {
			kernel->mte_enabled++;
			return 0;
		}
		if (((struct sv_kvm_enable_cap *)argument)->cap == SV_KVM_CAP_ARM_SEA_TO_USER) {
			bool there = extension(kernel, SV_KVM_CAP_ARM_SEA_TO_USER);

			kernel->sea_enabled += there;
			return there ? 0 : -EINVAL;
		}
		kernel->nisv_enabled += !kernel->nisv_error;
		return kernel->nisv_error;
	case SV_KVM_SET_USER_MEMORY_REGION: {
		const struct sv_kvm_userspace_memory_region *slot = argument;

		assert_int_equal(slot->guest_phys_addr, 0x40000000);
		kernel->ram_host = slot->userspace_addr;
		kernel->ram_size = slot->memory_size;
		return 0;
	}
	case SV_KVM_CREATE_DEVICE:
		return create_device(kernel, argument);
	case SV_KVM_SET_DEVICE_ATTR:
	case SV_KVM_GET_DEVICE_ATTR:
		assert_int_equal(fd, GIC_FD);
		return gic_attr(kernel, request == SV_KVM_SET_DEVICE_ATTR, argument);
	case SV_KVM_CREATE_VCPU:
		vcpu = (unsigned)(uintptr_t)argument;
		assert_true(vcpu < FAKE_VCPUS);
		kernel->open_fds++;
		*fake_register(kernel, vcpu, SV_KVM_SYSREG(UINT64_C(3), 0, 0, 0, 5)) = 0x80000000 | vcpu;
		return VCPU_FD + (int)vcpu;
	case SV_KVM_ARM_PREFERRED_TARGET:
		memset(argument, 0, sizeof(struct sv_kvm_vcpu_init));
		return 0;
	case SV_KVM_ARM_VCPU_INIT:
		kernel->features[vcpu] = ((struct sv_kvm_vcpu_init *)argument)->features[0];
		return 0;
	case SV_KVM_ARM_VCPU_FINALIZE:
		assert_int_equal(*(int *)argument, SV_KVM_ARM_VCPU_SVE);
		assert_true(kernel->features[vcpu] >> SV_KVM_ARM_VCPU_SVE & 1);
		return 0;
	case SV_KVM_GET_ONE_REG:
		*(uint64_t *)(uintptr_t)reg->addr = *fake_register(kernel, vcpu, reg->id);
		return 0;
	case SV_KVM_SET_ONE_REG:
		*fake_register(kernel, vcpu, reg->id) = *(uint64_t *)(uintptr_t)reg->addr;
		return 0;
	case SV_KVM_SET_VCPU_EVENTS:
		kernel->injections += ((struct sv_kvm_vcpu_events *)argument)->exception.ext_dabt_pending;
		kernel->serrors += ((struct sv_kvm_vcpu_events *)argument)->exception.serror_pending;
		return 0;
	case SV_KVM_IRQ_LINE: {
		const struct sv_kvm_irq_level *line = argument;

		assert_int_equal(line->irq, 1 << 24 | 33);
		if (line->level)
			kernel->lines_high++;
		else
			kernel->lines_low++;
		return 0;
	}
	}
	fail_msg("request 0x%lx", request);
	return -ENOTTY;
}

static int fake_open(void *opaque, struct vmm_error *error)
{
	struct fake_kernel *kernel = opaque;

	kernel->open_fds++;
	return KVM_FD;
}

static void *fake_map(void *opaque, int vcpu_fd, size_t size)
{
	struct fake_kernel *kernel = opaque;

	if (kernel->requests++ == kernel->fail_at) {
		errno = kernel->fail_error;
		return NULL;
	}
	kernel->mappings++;
	return kernel->run[vcpu_fd - VCPU_FD] = calloc(1, size);
}

static void fake_unmap(void *opaque, void *run, size_t size)
{
	struct fake_kernel *kernel = opaque;

	kernel->mappings--;
	free(run);
}

static void fake_close(void *opaque, int fd)
{
	struct fake_kernel *kernel = opaque;

	kernel->open_fds--;
}

struct vmm_kernel fake_kernel(struct fake_kernel *kernel)
{
	memset(kernel, 0, sizeof(*kernel));
	pthread_mutex_init(&kernel->lock, NULL);
	kernel->fail_at = -1;
	kernel->ipa_bits = 40;
	return (struct vmm_kernel){
		.backend = {.ioctl = fake_ioctl, .opaque = kernel},
		.open = fake_open,
		.map = fake_map,
		.unmap = fake_unmap,
		.close = fake_close,
	};
}

package io.plumbline.node;

import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.syntax.ArchRuleDefinition;
import com.tngtech.archunit.library.dependencies.SlicesRuleDefinition;
import org.junit.jupiter.api.Test;

/** The arrows between modules go one way; docs/architecture.md draws them. */
class ArchitectureTest {
    private final JavaClasses classes = new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            // Other modules' tests, which come as jars.
            .withImportOption(location -> !location.contains("-tests.jar"))
            .importPackages("io.plumbline");

    @Test
    void moduleArrowsGoOneWay() {
        layeredArchitecture()
                .consideringOnlyDependenciesInLayers()
                .layer("transport")
                .definedBy("io.plumbline.transport..")
                .layer("verifier")
                .definedBy("io.plumbline.verifier..")
                .layer("inference")
                .definedBy("io.plumbline.inference..")
                .layer("ledger")
                .definedBy("io.plumbline.ledger..")
                .layer("data")
                .definedBy("io.plumbline.data..")
                .layer("client")
                .definedBy("io.plumbline.client..")
                .layer("node")
                .definedBy("io.plumbline.node..")
                .whereLayer("transport")
                .mayNotAccessAnyLayer()
                .whereLayer("verifier")
                .mayNotAccessAnyLayer()
                .whereLayer("inference")
                .mayOnlyAccessLayers("verifier")
                .whereLayer("ledger")
                .mayOnlyAccessLayers("verifier", "transport")
                .whereLayer("data")
                .mayOnlyAccessLayers("verifier")
                .whereLayer("client")
                .mayOnlyAccessLayers("verifier")
                .whereLayer("client")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("node")
                .mayNotBeAccessedByAnyLayer()
                .check(classes);
    }

    /** An application adds the client, and with it the verifier and Jackson alone. */
    @Test
    void theClientKnowsNoServerAndOnePackageOfItLangChain4j() {
        ArchRuleDefinition.classes()
                .that()
                .resideInAPackage("io.plumbline.client")
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage(
                        "java..", "com.fasterxml.jackson..", "io.plumbline.client", "io.plumbline.verifier..")
                .check(classes);
        ArchRuleDefinition.classes()
                .that()
                .resideInAPackage("io.plumbline.client.langchain4j")
                .should()
                .onlyDependOnClassesThat()
                .resideInAnyPackage("java..", "com.fasterxml.jackson..", "io.plumbline.client..", "dev.langchain4j..")
                .check(classes);
    }

    /** The processes of a network stand on six floors; what two roles share, and what guards an API, stands below. */
    @Test
    void theNodesFloorsAreNotClimbed() {
        layeredArchitecture()
                .consideringOnlyDependenciesInLayers()
                .layer("main")
                .definedBy("io.plumbline.node")
                .layer("demo")
                .definedBy("io.plumbline.node.demo..")
                .layer("cli")
                .definedBy("io.plumbline.node.cli..")
                .layer("serve")
                .definedBy("io.plumbline.node.serve..")
                .layer("gateway")
                .definedBy("io.plumbline.node.gateway..")
                .layer("full")
                .definedBy("io.plumbline.node.full..")
                .layer("inference")
                .definedBy("io.plumbline.node.inference..")
                .layer("data")
                .definedBy("io.plumbline.node.data..")
                .layer("tenant")
                .definedBy("io.plumbline.node.tenant..", "io.plumbline.node.tls..")
                .layer("client")
                .definedBy("io.plumbline.node.client..")
                .layer("health")
                .definedBy("io.plumbline.node.health..")
                .layer("metrics")
                .definedBy("io.plumbline.node.metrics..")
                .layer("page")
                .definedBy("io.plumbline.node.page..")
                .layer("network")
                .definedBy("io.plumbline.node.network..")
                .whereLayer("main")
                .mayNotBeAccessedByAnyLayer()
                .whereLayer("demo")
                .mayOnlyBeAccessedByLayers("main")
                .whereLayer("cli")
                .mayOnlyBeAccessedByLayers("main", "demo")
                .whereLayer("serve")
                .mayOnlyBeAccessedByLayers("cli", "demo")
                .whereLayer("gateway")
                .mayOnlyBeAccessedByLayers("cli", "demo", "serve")
                .whereLayer("full")
                .mayOnlyBeAccessedByLayers("cli", "demo")
                .whereLayer("inference")
                .mayOnlyBeAccessedByLayers("cli", "demo", "serve")
                .whereLayer("data")
                .mayOnlyBeAccessedByLayers("cli", "demo", "gateway", "full")
                .whereLayer("tenant")
                .mayOnlyAccessLayers("network")
                .whereLayer("tenant")
                .mayOnlyBeAccessedByLayers("cli", "demo", "serve", "gateway", "data")
                .whereLayer("client")
                .mayOnlyAccessLayers("network")
                .whereLayer("health")
                .mayOnlyAccessLayers("network")
                .whereLayer("metrics")
                .mayOnlyAccessLayers("network")
                .whereLayer("page")
                .mayOnlyAccessLayers("network")
                .whereLayer("page")
                .mayOnlyBeAccessedByLayers("cli", "serve", "gateway", "full")
                .whereLayer("network")
                .mayNotAccessAnyLayer()
                .check(classes);
    }

    @Test
    void packagesStandInNoCircle() {
        SlicesRuleDefinition.slices()
                .matching("io.plumbline.(**)")
                .should()
                .beFreeOfCycles()
                .check(classes);
    }

    /** What a full node loads, which is all of this module's class path, could not touch a GPU if it wanted to. */
    @Test
    void nothingOnAFullNodesClassPathKnowsGpuBindings() {
        ArchRuleDefinition.noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.bytedeco..", "io.plumbline.gpu..")
                .check(classes);
        assertThrows(ClassNotFoundException.class, () -> Class.forName("org.bytedeco.javacpp.Loader"));
    }

    /** Another server library would touch one package, and that package could serve another program. */
    @Test
    void oneSmallPackageKnowsTheHttpServerLibrary() {
        ArchRuleDefinition.noClasses()
                .that()
                .resideOutsideOfPackage("io.plumbline.node.http")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("org.eclipse.jetty..")
                .check(classes);
        ArchRuleDefinition.noClasses()
                .that()
                .resideInAPackage("io.plumbline.node.http")
                .should()
                .dependOnClassesThat(DescribedPredicate.describe(
                        "the rest of Plumbline",
                        other -> other.getPackageName().startsWith("io.plumbline")
                                && !other.getPackageName().equals("io.plumbline.node.http")))
                .check(classes);
    }

    @Test
    void theStateMachineKnowsNoAeronAndTheVerifierNoNetwork() {
        ArchRuleDefinition.noClasses()
                .that()
                .resideInAPackage("io.plumbline.ledger.state..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.aeron..", "java.time..", "java.util.concurrent..")
                .check(classes);
        ArchRuleDefinition.noClasses()
                .that()
                .resideInAPackage("io.plumbline.verifier..")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("io.aeron..", "java.net..")
                .check(classes);
    }
}

"""What contributors run: the gate (`./course test`) and the soak. No part of what a learner imports."""

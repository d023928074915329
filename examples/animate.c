/* SPDX-License-Identifier: MIT
 * What a game does each frame: ARKit coefficients in, the vertices of the head out. Writes a smile in 24 frames as .obj points.
 * cc animate.c $(pkg-config --cflags --libs libjr2) -o animate && ./animate | head */
#include <stdio.h>
#include <stdlib.h>

#include <jr2/jr2.h>

int main(void)
{
    jr2_ctx *ctx;
    int32_t status = jr2_ctx_create(NULL, &ctx);
    if (status != JR2_OK) {
        fprintf(stderr, "%s\n", jr2_status_text(status));
        return 1;
    }
    const jr2_model *model = jr2_ctx_model(ctx);
    int32_t vertices = jr2_model_count(model, JR2_COUNT_VERTICES), expressions = jr2_model_count(model, JR2_COUNT_EXPRESSION);
    float arkit[JR2_ARKIT_COUNT] = {0};
    float *expression = calloc((size_t)expressions + 1, sizeof *expression);
    float *positions = calloc((size_t)vertices + 1, 3 * sizeof *positions);
    jr2_head_parameters parameters;
    jr2_head_mesh mesh;
    JR2_INIT(parameters);
    JR2_INIT(mesh);
    parameters.expression = expression;
    parameters.expression_count = expressions;
    mesh.vertices = positions;
    for (int frame = 0; expression && positions && status == JR2_OK && frame < 24; frame++) {
        arkit[jr2_arkit_index("mouthSmileLeft")] = arkit[jr2_arkit_index("mouthSmileRight")] = (float)frame / 23;
        status = jr2_head_from_arkit(ctx, arkit, expression);
        if (status == JR2_OK)
            status = jr2_head_evaluate(ctx, &parameters, &mesh);
        if (status == JR2_OK)
            printf("# frame %d\nv %f %f %f\n", frame, (double)positions[0], (double)positions[1], (double)positions[2]);
    }
    if (status != JR2_OK)
        fprintf(stderr, "%s: %s\n", jr2_status_text(status), jr2_ctx_error(ctx));
    free(positions);
    free(expression);
    jr2_ctx_free(ctx);
    return status != JR2_OK;
}

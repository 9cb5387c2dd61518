#version 330 core

// Shading of every surface: one or two key lights with soft shadows, and an environment of second-order
// spherical harmonics for everything else. Everything is linear until the tone curve at the end.

const int BACKDROP = 0;
const int SKIN = 1;
const int EYE = 2;
const int WET = 3;
const int STRANDS = 4;
const int SOLID = 5;
const int GLASS = 6;
const int FLAT = 7;

// pyrender's name and layout of a directional light.
struct KeyLight {
    vec3 color;
    float intensity;
    vec3 direction;  // in which the light travels
    sampler2D shadow_map;
    mat4 light_matrix;
};

struct Material {
    vec4 base_color_factor;
    float roughness_factor;
#ifdef HAS_BASE_COLOR_TEX
    sampler2D base_color_texture;
#endif
#ifdef HAS_NORMAL_TEX
    sampler2D normal_texture;
#endif
#ifdef HAS_EMISSIVE_TEX
    sampler2D emissive_texture;  // lines of the expression: normals in x and y, depth in z
#endif
};

uniform Material material;
uniform KeyLight directional_lights[2];
uniform vec3 cam_pos;
uniform int kind;
uniform float specular;      // scale of the highlights
uniform float bump;          // scale of the normal map
uniform float scatter;       // how much light softens at the terminator: 1 is skin
uniform vec3 cap_colour;     // colour of the hair roots painted where tint.g is 1
uniform vec3 environment[9]; // irradiance / pi as a polynomial of the normal
uniform vec2 light_shape[2]; // tangent of the half angle, half size of the window seen in eyes
uniform float exposure;
uniform float filmic;

in vec3 world;
in vec3 world_normal;
in vec3 strand;
in vec2 uv;
in vec2 strand_shade;
in float coverage;
in vec4 tint;                // of skin: wetness or minus the depth of lines, hair roots, translucency, occlusion

out vec4 frag_color;

const float PI = 3.14159265;
const float SHADOW_RANGE = 9.99;  // depth range of the shadow camera in units of its half size

float hash(vec2 p)
{
    return fract(sin(dot(p, vec2(12.9898, 78.233))) * 43758.5453);
}

vec3 irradiance(vec3 n, float sharpness)
{
    vec3 constant = environment[0];
    vec3 slope = environment[1] * n.y + environment[2] * n.z + environment[3] * n.x;
    vec3 curve = environment[4] * n.x * n.y + environment[5] * n.y * n.z
        + environment[6] * (3.0 * n.z * n.z - 1.0) + environment[7] * n.x * n.z
        + environment[8] * (n.x * n.x - n.y * n.y);
    return max(constant + slope * mix(1.0, 1.4, sharpness) + curve * mix(1.0, 2.6, sharpness), 0.0);
}

// Percentage-closer soft shadows: the penumbra grows with the distance to what casts the shadow.
float shadow(sampler2D map, mat4 light_matrix, vec3 n, float size)
{
    vec4 clip = light_matrix * vec4(world + n * 0.003, 1.0);
    vec3 p = clip.xyz / clip.w * 0.5 + 0.5;
    if (any(lessThan(p, vec3(0.01))) || any(greaterThan(p, vec3(0.99)))) return 1.0;
    float bias = 0.0004;
    float turn = hash(gl_FragCoord.xy) * 2.0 * PI;
    float reach = size * 0.10;
    float blockers = 0.0;
    float depth = 0.0;
    for (int i = 0; i < 8; i++) {
        float r = sqrt((float(i) + 0.5) / 8.0) * reach;
        float a = float(i) * 2.399963 + turn;
        float d = texture(map, p.xy + r * vec2(cos(a), sin(a))).r;
        if (d < p.z - bias) { blockers += 1.0; depth += d; }
    }
    if (blockers < 0.5) return 1.0;
    float gap = (p.z - depth / blockers) * SHADOW_RANGE * 0.5;
    float radius = clamp(gap * size, 0.0015, reach);
    float lit = 0.0;
    for (int i = 0; i < 12; i++) {
        float r = sqrt((float(i) + 0.5) / 12.0) * radius;
        float a = float(i) * 2.399963 + turn;
        lit += texture(map, p.xy + r * vec2(cos(a), sin(a))).r < p.z - bias ? 0.0 : 1.0;
    }
    return lit / 12.0;
}

float ggx(vec3 n, vec3 v, vec3 l, float roughness)
{
    vec3 h = normalize(v + l);
    float a = roughness * roughness;
    float nh = max(dot(n, h), 0.0);
    float nl = max(dot(n, l), 0.0);
    float nv = max(dot(n, v), 0.05);
    float d = nh * nh * (a * a - 1.0) + 1.0;
    float k = 0.5 * a;
    float visible = 0.25 / ((nl * (1.0 - k) + k) * (nv * (1.0 - k) + k));
    return a * a / (PI * d * d) * visible * nl;
}

float fresnel(float cosine, float f0)
{
    return f0 + (1.0 - f0) * pow(1.0 - clamp(cosine, 0.0, 1.0), 5.0);
}

// A soft-edged window of a lamp as a mirror shows it.
float window(vec3 r, vec3 l, float size)
{
    vec3 x = normalize(cross(vec3(0.0, 1.0, 0.05), l));
    vec3 y = cross(l, x);
    vec2 p = abs(vec2(dot(r, x), dot(r, y)));
    float inside = smoothstep(size * 1.15, size * 0.85, max(p.x, p.y * 0.8));
    return dot(r, l) > 0.0 ? inside : 0.0;
}

// What reaches a point from one key light.
struct Ray {
    vec3 l;       // towards the light
    vec3 power;
    float shade;
    float size;   // half size of the window seen in mirrors
};

vec3 skin_light(Ray ray, vec3 n, vec3 soft_n)
{
    // Red light travels farther under the skin: its terminator is softer and follows the smooth surface.
    vec3 cosine = vec3(dot(mix(soft_n, n, 0.3), ray.l), dot(mix(soft_n, n, 0.7), ray.l), dot(n, ray.l));
    vec3 wrap = vec3(0.24, 0.12, 0.08) * scatter;
    vec3 diffuse = clamp((cosine + wrap) / ((1.0 + wrap) * (1.0 + wrap)), 0.0, 1.0);
    vec3 shade = pow(vec3(ray.shade), mix(vec3(1.0), vec3(0.78, 0.98, 1.05), scatter));
    float through = tint.b * pow(clamp(dot(-soft_n, ray.l), 0.0, 1.0), 1.2) * 0.35;
    return ray.power * (diffuse * shade + vec3(1.0, 0.25, 0.12) * through);
}

vec3 gloss(Ray ray, vec3 n, vec3 v, float roughness, float f0)
{
    vec3 h = normalize(v + ray.l);
    return ray.power * ggx(n, v, ray.l, roughness) * fresnel(dot(v, h), f0) * PI * ray.shade;
}

vec3 plain_light(Ray ray, vec3 n, float softness)
{
    float diffuse = clamp((dot(n, ray.l) + softness) / ((1.0 + softness) * (1.0 + softness)), 0.0, 1.0);
    return ray.power * diffuse * ray.shade;
}

// Kajiya and Kay 1989, with the coloured second lobe of Marschner et al. 2003 shifted towards the root.
vec3 hair_light(Ray ray, vec3 n, vec3 v, vec3 albedo, float roughness)
{
    vec3 t1 = normalize(strand + n * 0.12);
    vec3 t2 = normalize(strand - n * 0.18);
    vec3 h = normalize(ray.l + v);
    float p = mix(90.0, 14.0, roughness);
    float s1 = pow(max(1.0 - pow(dot(t1, h), 2.0), 0.0), p);
    float s2 = pow(max(1.0 - pow(dot(t2, h), 2.0), 0.0), p * 0.35);
    float across = sqrt(max(1.0 - pow(dot(strand, ray.l), 2.0), 0.0));
    float facing = clamp((dot(n, ray.l) + 0.45) / 1.45, 0.0, 1.0);
    vec3 result = albedo * across * 0.75 + (vec3(0.045) * s1 + albedo * 0.5 * s2) * specular;
    return ray.power * result * facing * mix(0.12, 1.0, ray.shade);
}

vec3 perturbed(vec3 n)
{
#ifdef HAS_NORMAL_TEX
    vec3 dp1 = dFdx(world);
    vec3 dp2 = dFdy(world);
    vec2 du1 = dFdx(uv);
    vec2 du2 = dFdy(uv);
    vec3 a = cross(dp2, n);
    vec3 b = cross(n, dp1);
    vec3 t = a * du1.x + b * du2.x;
    vec3 c = a * du1.y + b * du2.y;
    float scale = inversesqrt(max(max(dot(t, t), dot(c, c)), 1e-20));
    vec3 m = texture(material.normal_texture, uv).xyz * 2.0 - 1.0;
    m.xy *= bump;
#ifdef HAS_EMISSIVE_TEX
    if (tint.r < -0.01) m.xy -= tint.r * (texture(material.emissive_texture, uv).xy * 2.0 - 1.0);
#endif
    return normalize(mat3(t * scale, c * scale, n) * m);
#else
    return n;
#endif
}

vec3 tone(vec3 c)
{
    c *= exposure;
    vec3 shoulder = c / pow(1.0 + pow(c, vec3(3.0)), vec3(1.0 / 3.0));
    vec3 f = c * 0.75;
    vec3 film = clamp(f * (2.51 * f + 0.03) / (f * (2.43 * f + 0.59) + 0.14), 0.0, 1.0);
    vec3 y = mix(shoulder, film, filmic);
    return mix(12.92 * y, 1.055 * pow(max(y, 1e-5), vec3(1.0 / 2.4)) - 0.055, step(0.0031308, y));
}

// What the lines of the expression leave of the light.
vec3 lined()
{
#ifdef HAS_EMISSIVE_TEX
    if (tint.r < -0.01)
        return mix(vec3(1.0), vec3(0.58, 0.42, 0.38), min(-tint.r * texture(material.emissive_texture, uv).z, 1.0));
#endif
    return vec3(1.0);
}

// 1 on bare skin; less on painted hair, which is darker than what surrounds it and does not shine.
float bareness()
{
#ifdef HAS_BASE_COLOR_TEX
    float here = dot(texture(material.base_color_texture, uv).rgb, vec3(0.33));
    float around = dot(textureLod(material.base_color_texture, uv, 5.5).rgb, vec3(0.33));
    return smoothstep(0.35, 0.85, here / max(around, 0.02));
#else
    return 1.0;
#endif
}

vec3 shade_skin(Ray first, Ray second, vec3 base, vec3 soft_n, vec3 v)
{
    float ao = tint.a;
    vec3 n = perturbed(soft_n);
    // The film of grease on skin fills its finest relief.
    vec3 film_n = normalize(mix(soft_n, n, kind == SKIN ? 0.5 : 1.0));
    vec3 albedo = mix(base, cap_colour, tint.g);
    albedo *= lined();
    float roughness = mix(material.roughness_factor, 0.22, max(tint.r, 0.0));
    vec3 ambient = irradiance(mix(soft_n, n, 0.5), 0.0);
    // Occluded skin turns red, not grey: the light that leaves it has been through it.
    vec3 light = ambient * pow(vec3(ao), mix(vec3(1.0), vec3(0.75, 1.1, 1.2), scatter));
    float f0 = 0.03;
    // Rough skin mirrors less at grazing angles than Fresnel's law for a smooth surface says.
    float edge = f0 + (0.45 - 0.45 * roughness) * pow(1.0 - clamp(dot(film_n, v), 0.0, 1.0), 5.0);
    vec3 shine = irradiance(reflect(-v, film_n), 0.7) * edge * ao * ao * (1.0 - 0.6 * roughness);
    float direct = mix(0.35, 1.0, ao);
    light += (skin_light(first, n, soft_n) + skin_light(second, n, soft_n)) * direct;
    shine += (gloss(first, film_n, v, roughness, f0) + gloss(second, film_n, v, roughness, f0)) * 0.42 * ao;
    float tight = roughness * 0.6;
    shine += (gloss(first, film_n, v, tight, f0) + gloss(second, film_n, v, tight, f0)) * 0.1 * ao;
    if (kind == SKIN) shine *= mix(0.15, 1.0, bareness());
    return albedo * light + shine * specular * (1.0 - 0.7 * tint.g);
}

vec3 shade_eye(Ray first, Ray second, vec3 base, vec3 n, vec3 v)
{
    // tint: distances from the upper and from the lower lid, towards the corners, and the open light.
    float ao = tint.a * (1.0 - 0.72 * exp(-max(tint.r, 0.0) / 0.13)) * (1.0 - 0.35 * exp(-max(tint.g, 0.0) / 0.06));
    ao *= 1.0 - 0.4 * smoothstep(0.45, 0.95, tint.b);
    vec3 r = reflect(-v, n);
    float edge = fresnel(dot(n, v), 0.035);
    vec3 light = irradiance(n, 0.0) * ao;
    light += (plain_light(first, n, 0.25) + plain_light(second, n, 0.25)) * mix(0.3, 1.0, ao);
    vec3 shine = irradiance(r, 1.0) * ao + 6.0 * (first.power * window(r, first.l, first.size)
        + second.power * window(r, second.l, second.size));
    return base * light + shine * edge * specular;
}

vec3 shade_strand(Ray first, Ray second, vec3 albedo, vec3 n, vec3 v)
{
    float ao = tint.a;
    float roughness = material.roughness_factor;
    vec3 along = normalize(n - strand * dot(n, strand) + 1e-4);
    vec3 colour = albedo * irradiance(along, 0.0) * ao;
    colour += irradiance(reflect(-v, along), 0.7) * 0.03 * specular * ao;
    vec3 direct = hair_light(first, n, v, albedo, roughness) + hair_light(second, n, v, albedo, roughness);
    return colour + direct * mix(0.3, 1.0, ao);
}

vec3 shade_solid(Ray first, Ray second, vec3 albedo, vec3 n, vec3 v)
{
    float ao = tint.a;
    float roughness = material.roughness_factor;
    vec3 light = irradiance(n, 0.0) * ao;
    light += (plain_light(first, n, 0.0) + plain_light(second, n, 0.0)) * mix(0.4, 1.0, ao);
    vec3 shine = irradiance(reflect(-v, n), 0.6) * fresnel(dot(n, v), 0.04) * ao * (1.0 - roughness);
    shine += gloss(first, n, v, roughness, 0.04) + gloss(second, n, v, roughness, 0.04);
    return albedo * light + shine * specular;
}

vec4 shade_glass(Ray first, Ray second, vec4 base, vec3 n, vec3 v)
{
    vec3 r = reflect(-v, n);
    float edge = fresnel(dot(n, v), 0.04);
    vec3 shine = irradiance(r, 1.0) + 5.0 * (first.power * window(r, first.l, first.size * 1.4)
        + second.power * window(r, second.l, second.size * 1.4));
    float a = clamp(base.a + edge, 0.02, 1.0);
    return vec4((base.rgb * irradiance(n, 0.0) * base.a + shine * edge * specular) / a, a);
}

Ray ray_of(vec3 power, vec3 direction, float size, float shade)
{
    Ray ray;
    ray.l = -direction;
    ray.power = power;
    ray.size = size;
    ray.shade = shade;
    return ray;
}

void main()
{
    vec4 base = material.base_color_factor;
#ifdef HAS_BASE_COLOR_TEX
    vec4 texel = texture(material.base_color_texture, uv);
    if (kind == BACKDROP) { frag_color = vec4(texel.rgb, 1.0); return; }
    base.rgb *= pow(texel.rgb, vec3(2.2));
#endif
    if (kind == FLAT) { frag_color = vec4(tint.rgb, 1.0); return; }

    vec3 v = normalize(cam_pos - world);
    vec3 n = normalize(world_normal);
    if (dot(n, v) < 0.0 && (kind == SOLID || kind == GLASS)) n = -n;
    vec2 shade = strand_shade;
    if (kind != STRANDS) {
        if (directional_lights[0].intensity > 0.0)
            shade.x = shadow(directional_lights[0].shadow_map, directional_lights[0].light_matrix, n, light_shape[0].x);
        if (directional_lights[1].intensity > 0.0)
            shade.y = shadow(directional_lights[1].shadow_map, directional_lights[1].light_matrix, n, light_shape[1].x);
    }
    Ray first = ray_of(directional_lights[0].color * directional_lights[0].intensity,
        directional_lights[0].direction, light_shape[0].y, shade.x);
    Ray second = ray_of(directional_lights[1].color * directional_lights[1].intensity,
        directional_lights[1].direction, light_shape[1].y, shade.y);

    if (kind == GLASS) {
        vec4 glass = shade_glass(first, second, base, n, v);
        frag_color = vec4(tone(glass.rgb), glass.a);
        return;
    }
    vec3 colour;
    if (kind == SKIN || kind == WET) colour = shade_skin(first, second, base.rgb, n, v);
    else if (kind == EYE) colour = shade_eye(first, second, base.rgb, n, v);
    else if (kind == STRANDS) colour = shade_strand(first, second, base.rgb * tint.rgb, n, v);
    else colour = shade_solid(first, second, base.rgb * tint.rgb, n, v);
    // Only fine strands are blended; of hair, which hides what is behind it, the opacity is not looked at.
    frag_color = vec4(tone(colour), coverage);
}
